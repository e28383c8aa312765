import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../../pipelines/ingest/events.ts'
import { replay } from '../../pipelines/ingest/ingest.ts'
import type { VersionRegistry } from '../../pipelines/promotion/ports.ts'
import { eraseUser } from '../../pipelines/retention/erasure.ts'
import type { Erasure, ErasureStore } from '../../pipelines/retention/ports.ts'
import type { JobQueue } from '../../pipelines/training/jobs.ts'
import { click, dayMs, item, keepsAll, seen, slate, type World } from './kept.ts'
import { at, startMs } from './sent.ts'

export interface ErasurePorts {
  readonly store: ErasureStore
  readonly registry: VersionRegistry
  readonly jobs: JobQueue
  readonly world: World
}

/** Unlike anything else, and with what has to be escaped. */
export const erasedUser = 'Zoë "7c1f" /x\\y'
export const erasedAtMs = startMs + 100 * dayMs
const nowMs = erasedAtMs

/** Puts the user into every table, through the flows, beside another one, who must not change. */
export async function fill({ world }: Pick<ErasurePorts, 'world'>, user = erasedUser): Promise<void> {
  const events = (name: string, userId: string) => [
    { type: 'user', eventId: `${name}-user`, occurredAt: at(0), userId, features: { about: `me, ${userId}` } },
    slate(`${name}-slate`, 1, userId),
    seen(`${name}-slate`, 2),
    click(`${name}-click`, 3, `${name}-slate`, userId),
    click(`${name}-orphan`, 4, `${name}-never`, userId),
  ]
  await world.send('past', nowMs - dayMs, item('item', 0), ...events(user, user), ...events('other', 'other'))
  await world.joinAll('past', startMs + 50)
  await world.send('kafka', nowMs, ...events(`live ${user}`, user))
  await world.joinAll('kafka', startMs + 50)
  // Not joined yet, and set aside: as it is, escaped, within a string, and in what is no JSON at all.
  await world.send('past', nowMs, slate(`${user}-waits`, 1_000, user), seen(`${user}-waits`, 1_001))
  await world.send('past', nowMs, slate('other-waits', 1_000, 'other'))
  const escaped = user.replace(/[^ ]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const texts = [
    JSON.stringify({ type: 'click', eventId: `${user}-1`, userId: user }),
    `{"type": "click", "userId": "${escaped}"}`,
    JSON.stringify({ type: 'click', eventId: 'said', body: JSON.stringify({ userId: user }) }),
    `${user} broke this`,
    '{"type": "click", "eventId": "stranger", "userId": "other"}',
  ]
  const bytes = [...texts.map((text) => new TextEncoder().encode(text)), Buffer.from(user, 'utf16le')]
  await world.store.transaction((transaction) =>
    transaction.quarantine(
      bytes.map((payload, i) => ({
        eventId: i === 0 ? `${user}-1` : null,
        payload,
        code: 'EVENT_TYPE_UNKNOWN',
        path: '/type',
        message: `what came begins with ${Buffer.from(payload).toString('utf8', 0, 40)}`,
        ...(i % 2 === 0 ? {} : { origin: { topic: 'feedback', partition: 0, offset: i } }),
      })),
      'past',
      nowMs,
    ),
  )
}

/** Every place of every table that holds the user, in a column read as text or as bytes. */
export async function placesOf(world: World, user = erasedUser): Promise<readonly string[]> {
  const { rows: columns } = await world.pool.query<{ place: string; table: string; column: string }>(
    `select table_name || '.' || column_name as place, quote_ident(table_name) as table, quote_ident(column_name) as column
     from information_schema.columns where table_schema = current_schema() order by 1`,
  )
  const forms = [user, JSON.stringify(user).slice(1, -1), JSON.stringify(JSON.stringify(user)).slice(3, -3)]
  const places: string[] = []
  for (const { place, table, column } of columns) {
    const { rows } = await world.pool.query<{ text: string }>(
      `select coalesce(to_jsonb(t)->>$1, '') as text from ${table} t where ${column} is not null`,
      [column.replaceAll('"', '')],
    )
    const texts = rows.flatMap(({ text }) => {
      const bytes = text.startsWith('\\x') ? Buffer.from(text.slice(2), 'hex') : Buffer.alloc(0)
      return [text, bytes.toString('utf8'), bytes.toString('utf16le')]
    })
    if (texts.some((text) => forms.some((form) => text.includes(form)))) places.push(place)
  }
  return places
}

const everyPlace = [
  'catalog_versions.features',
  'catalog_versions.id',
  'dead_letters.event_id',
  'dead_letters.message',
  'dead_letters.payload',
  'event_bodies.body',
  'event_bodies.event_id',
  'events.event_id',
  'examples.slate_id',
  'history.user_id',
  'orphans.event_id',
  'orphans.slate_id',
  'pending.body',
  'pending.event_id',
  'slates.slate_id',
  'slates.user_id',
  'tallies.key',
]

/** Each test begins with an empty database. */
export function erasureContract(open: () => Promise<ErasurePorts>): void {
  const rowsOf = ({ tables }: Erasure) => Object.fromEntries(tables.map(({ table, rows }) => [table, rows]))

  test('a user who is everywhere is nowhere afterwards, and all others are as they were', async () => {
    const ports = await open()
    const { store, world } = ports
    await fill(ports)
    const before = (await placesOf(world)).filter((place) => !/^event_bodies_\d/.test(place))
    const others = await placesOf(world, 'other')

    await eraseUser(erasedUser, { store, nowMs: () => nowMs, isDryRun: false })

    assert.deepEqual(before, everyPlace)
    assert.deepEqual(await placesOf(world), [])
    assert.deepEqual(await placesOf(world, 'other'), others)
    assert.deepEqual(rowsOf(await store.find(erasedUser)), {
      events: 0,
      examples: 0,
      slates: 0,
      history: 0,
      tallies: 0,
      catalog_versions: 0,
      dead_letters: 0,
    })
    const { rows } = await world.pool.query(
      `select (tally->>'impressions')::int as seen from tallies where scope = 'item'`,
    )
    assert.deepEqual(rows, [{ seen: 1 }, { seen: 1 }])
  })

  test('a dry run counts what then goes, and changes nothing', async () => {
    const ports = await open()
    const { store, world } = ports
    await fill(ports)
    const before = await placesOf(world)

    const found = await eraseUser(erasedUser, { store, nowMs: () => nowMs, isDryRun: true })

    assert.deepEqual(await placesOf(world), before)
    const counts = { slates: 2, examples: 4, history: 4, tallies: 6, catalog_versions: 2, dead_letters: 5 }
    assert.deepEqual(rowsOf(found), { events: 12, ...counts })
    assert.deepEqual(await eraseUser(erasedUser, { store, nowMs: () => nowMs, isDryRun: false }), found)
  })

  test('old records that are read again bring nothing back, and what is new is kept', async () => {
    const ports = await open()
    const { store, world } = ports
    await fill(ports)
    await eraseUser(erasedUser, { store, nowMs: () => nowMs, isDryRun: false })
    const before = await world.idsOf('events', 'event_id')
    const { rows } = await world.pool.query<{ id: number }>('select id from dead_letters where resolution is null')

    const outcomes = await world.send(
      'kafka',
      nowMs,
      slate('old', 1, erasedUser),
      click('same', 100 * dayMs, undefined, erasedUser),
      click('new', 100 * dayMs + 1, undefined, erasedUser),
    )
    const mended = new TextEncoder().encode(JSON.stringify(slate('mended', 1, erasedUser)))
    const context = { store: world.store, rankers: [keepsAll.name], nowMs: () => nowMs }
    const replayed = await replay(rows[0]!.id, mended, context)
    assert.deepEqual(
      outcomes.map(({ outcome, code }) => [outcome, code]),
      [
        ['duplicate', 'EVENT_USER_ERASED'],
        ['duplicate', 'EVENT_USER_ERASED'],
        ['accepted', undefined],
      ],
    )
    assert.deepEqual(
      [rows.length, replayed.outcome, 'code' in replayed && replayed.code],
      [1, 'duplicate', 'EVENT_USER_ERASED'],
    )
    assert.deepEqual(await world.idsOf('events', 'event_id'), [...before, 'new'].sort())
  })

  test('a record of a partition that was set aside stays known by its place, and is not set aside again', async () => {
    const ports = await open()
    const { store, world } = ports
    const letter = {
      eventId: null,
      payload: Buffer.from(erasedUser),
      code: 'X',
      path: '',
      message: '',
      origin: { topic: 'feedback', partition: 3, offset: 7 },
    }
    const setAside = () => world.store.transaction((transaction) => transaction.quarantine([letter], 'kafka', nowMs))
    await setAside()
    await eraseUser(erasedUser, { store, nowMs: () => nowMs, isDryRun: false })

    await setAside()

    const { rows } = await world.pool.query('select payload, resolution, record_offset as at from dead_letters')
    assert.deepEqual(rows, [{ payload: Buffer.alloc(0), resolution: 'dropped', at: 7 }])
    assert.deepEqual(await placesOf(world), [])
  })

  test('a slate of another user under the id that the user gave to one of theirs is left alone', async () => {
    const { store, world } = await open()
    await world.send('past', nowMs, slate('shared', 1, 'other'), {
      ...slate('shared', 2, erasedUser),
      eventId: 'second',
    })
    await world.send('past', nowMs, seen('shared', 3))
    await world.joinAll('past', startMs + 50)

    await eraseUser(erasedUser, { store, nowMs: () => nowMs, isDryRun: false })

    assert.deepEqual(await world.idsOf('slates', 'user_id'), ['other'])
    assert.deepEqual(await world.idsOf('examples', 'slate_id'), ['shared', 'shared'])
    assert.deepEqual(await world.idsOf('events', 'event_id'), ['shared-event', 'shared-seen'])
  })

  test('what was being taken in when the erasure began does not stay', async () => {
    const { store, world } = await open()
    let erasing: Promise<unknown> = Promise.resolve()

    await world.store.transaction(async (transaction) => {
      const accept = async (eventId: string) => {
        const event: Event = { type: 'user', eventId, occurredAt: at(0), userId: erasedUser }
        return (await transaction.accept([{ event, occurredAtMs: startMs, digest: 1n }], 'past', nowMs))[0]
      }
      await accept('first')
      erasing = eraseUser(erasedUser, { store, nowMs: () => nowMs, isDryRun: false })
      // Until it shows here, and on; where a transaction has the database alone it never does.
      for (let i = 0; i < 40 && (await accept(`while-${i}`)) !== 'erased'; i++);
      for (let i = 0; i < 40; i++) await accept(`after-${i}`)
    })
    await erasing

    assert.deepEqual(await placesOf(world), [])
    assert.deepEqual(await world.idsOf('events', 'event_id'), [])
  })
}
