import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventLedger } from '../../pipelines/ingest/ports.ts'
import type { VersionRegistry } from '../../pipelines/promotion/ports.ts'
import type { RetentionStore } from '../../pipelines/retention/ports.ts'
import { applyRetention } from '../../pipelines/retention/retention.ts'
import { click, dayMs, item, seen, slate, type World } from './kept.ts'
import { startMs } from './sent.ts'
import { versionOf } from './versions.ts'

export interface RetentionPorts {
  readonly store: RetentionStore
  readonly registry: VersionRegistry
  readonly ledger: EventLedger
  readonly world: World
}

const settings = { orphanDays: 2, eventDays: 4, ledgerDays: 6, exampleDays: 10 }
/** Midnight of the day on which retention is applied. */
const nowMs = startMs + 400 * dayMs

/** What retention lets go of, and what it keeps, to the millisecond. Each test begins with an empty database. */
export function retentionContract(open: () => Promise<RetentionPorts>): void {
  const apply = (store: RetentionStore, changes: { isDryRun?: boolean; nowMs?: number } = {}) =>
    applyRetention({ store, settings, nowMs, isDryRun: false, ...changes })
  const rowsOf = (expired: Awaited<ReturnType<typeof apply>>) =>
    Object.fromEntries(expired.flatMap(({ table, rows }) => (rows === 0 ? [] : [[table, rows]])))

  test('what events say goes by whole days of receipt, once the last moment of the day is old enough', async () => {
    const { store, world } = await open()
    const lastDay = nowMs - 4 * dayMs
    for (const [id, receivedAtMs] of [
      ['two-days-before', lastDay - dayMs - 1],
      ['last-moment', lastDay - 1],
      ['first-moment', lastDay],
    ] as const)
      await world.send('bodies', receivedAtMs, item(id, 0))
    await world.joinAll('bodies', startMs)

    const early = rowsOf(await apply(store, { nowMs: nowMs - 1 }))
    const afterEarly = await world.idsOf('event_bodies', 'event_id')
    const exact = await apply(store)

    assert.deepEqual([early, afterEarly], [{ event_bodies: 1 }, ['first-moment', 'last-moment']])
    assert.deepEqual(rowsOf(exact), { event_bodies: 1 })
    assert.deepEqual(await world.idsOf('event_bodies', 'event_id'), ['first-moment'])
    assert.deepEqual(await world.idsOf('events', 'event_id'), ['first-moment', 'last-moment', 'two-days-before'])
    assert.equal(exact.find(({ table }) => table === 'event_bodies')!.oldestKeptMs, lastDay)
  })

  test('a day of which an event is to be joined yet is held, and named, until it is joined', async () => {
    const { store, world } = await open()
    await world.send('held', nowMs - 300 * dayMs, item('waits', 5), item('does-not', 0))
    await world.joinAll('held', startMs)

    const held = await apply(store)
    const kept = [await world.idsOf('event_bodies', 'event_id'), await world.idsOf('events', 'event_id')]
    const joined = await world.joinAll('held', startMs + 10)
    const later = rowsOf(await apply(store))

    assert.deepEqual(held.find(({ table }) => table === 'event_bodies')!.heldDays, ['2024-04-10'])
    assert.deepEqual(rowsOf(held), { events: 1 })
    assert.deepEqual(kept, [['does-not', 'waits'], ['waits']])
    assert.equal(joined, 1)
    assert.deepEqual(later, { event_bodies: 2, events: 1 })
  })

  test('ids of events, dead letters and orphans go by their receipt; what came at the horizon stays', async () => {
    const { store, world, ledger } = await open()
    const bad = (eventId: string) => ({ type: 'nothing', eventId })
    for (const [days, at] of [
      [settings.ledgerDays, 'ledger'],
      [settings.orphanDays, 'orphan'],
    ] as const) {
      for (const offset of [-1, 0, 1]) {
        const receivedAtMs = nowMs - days * dayMs + offset
        await world.send('edges', receivedAtMs, click(`${at}${offset}`, 0, `never-${offset}`), bad(`${at}${offset}`))
      }
    }
    await world.joinAll('edges', startMs)
    const dry = rowsOf(await apply(store, { isDryRun: true }))

    const gone = rowsOf(await apply(store))

    // The feedback that waits in vain stops doing so first, and then does not hold its day.
    assert.deepEqual(gone, { orphans: 4, event_bodies: 3, events: 1, 'dead_letters, open': 1 })
    assert.deepEqual(dry, { orphans: 4, events: 1, 'dead_letters, open': 1 })
    assert.deepEqual(await world.idsOf('orphans', 'event_id'), ['orphan0', 'orphan1'])
    assert.deepEqual(await world.idsOf('events', 'event_id'), ['ledger0', 'ledger1', 'orphan-1', 'orphan0', 'orphan1'])
    const states = await Promise.all(['orphan-1', 'orphan0'].map(async (id) => (await ledger.trail(id))?.state))
    assert.deepEqual(states, ['expired', 'orphan'])
    assert.deepEqual(await world.idsOf('dead_letters', 'event_id'), [
      'ledger0',
      'ledger1',
      'orphan-1',
      'orphan0',
      'orphan1',
    ])
  })

  test('after the ledger let go of an id, the same event is taken as a new one', async () => {
    const { store, world } = await open()
    const event = item('again', 0)
    await world.send('again', nowMs - 7 * dayMs, event)
    await world.joinAll('again', startMs)
    const before = await world.send('again', nowMs, event)
    await apply(store)

    const after = await world.send('again', nowMs, event)

    assert.deepEqual([before[0]!.outcome, after[0]!.outcome], ['duplicate', 'accepted'])
  })

  test('slates and histories are as old as their clock says: a backfill of the past is not old', async () => {
    const { store, world } = await open()
    const tenDays = 10 * dayMs
    const take = async (source: string, lastMs: number) => {
      for (const [name, atMs] of [
        ['before', lastMs - tenDays - 1],
        ['at', lastMs - tenDays],
        ['after', lastMs - tenDays + 1],
        ['last', lastMs],
      ] as const) {
        const slateId = `${source}-${name}`
        await world.send(source, nowMs, slate(slateId, atMs, source), seen(slateId, atMs, 'i1'))
        await world.send(source, nowMs, click(`${slateId}-click`, atMs, slateId, source))
      }
      await world.joinAll(source, startMs + lastMs)
    }
    await take('past', 0)
    await take('kafka', 390 * dayMs)
    const dry = await apply(store, { isDryRun: true })
    const kept = ['at', 'after', 'last']

    const gone = rowsOf(await apply(store))

    assert.deepEqual(gone, { slates: 2, examples: 4, history: 2 })
    assert.deepEqual(rowsOf(dry), gone)
    const slates = ['kafka', 'past'].flatMap((source) => kept.map((name) => `${source}-${name}`)).sort()
    assert.deepEqual(await world.idsOf('slates', 'slate_id'), slates)
    assert.deepEqual(await world.idsOf('examples', 'distinct slate_id'), slates)
    assert.deepEqual(await world.idsOf('history', 'user_id'), ['kafka', 'kafka', 'kafka', 'past', 'past', 'past'])
    assert.deepEqual(rowsOf(await apply(store)), {})
    assert.equal(dry.find(({ table }) => table === 'slates')!.oldestKeptMs, startMs - tenDays)
  })

  test('the newest entry of a history stays however old, and so the next one gets a place after it', async () => {
    const { store, world } = await open()
    await world.send('kafka', nowMs, click('one', 0), click('two', 1))
    await world.send('kafka', nowMs, item('now', 390 * dayMs))
    await world.joinAll('kafka', nowMs)
    await apply(store)
    await world.send('kafka', nowMs, click('three', 391 * dayMs))

    await world.joinAll('kafka', nowMs)

    const { rows } = await world.pool.query('select sequence, occurred_at_ms - $1 as at from history order by 1', [
      startMs,
    ])
    assert.deepEqual(rows, [
      { sequence: 2, at: 1 },
      { sequence: 3, at: 391 * dayMs },
    ])
  })

  test('of an item, versions go that another followed before the horizon, unless a slate or a history refers to them', async () => {
    const { store, world } = await open()
    const lastMs = 390 * dayMs
    // Of what is joined last, below.
    const horizonMs = lastMs + 1 - 10 * dayMs
    const versions = async (itemId: string, ...moments: readonly number[]) => {
      for (const atMs of moments) await world.send('kafka', nowMs, item(`${itemId}-${atMs}`, atMs, itemId))
    }
    await versions('followed-before', horizonMs - 5, horizonMs - 1)
    await versions('followed-at', horizonMs - 5, horizonMs)
    await versions('followed-after', horizonMs - 5, horizonMs + 1)
    await versions('served', horizonMs - 9)
    await versions('learnt', horizonMs - 9)
    await world.send('kafka', nowMs, item('last', lastMs, 'last'))
    await world.joinAll('kafka', nowMs)
    // What a slate and a history were joined with stays, although an older version came for it afterwards.
    await world.send(
      'kafka',
      nowMs,
      slate('s', lastMs + 1, 'u1', ['served']),
      click('c', lastMs + 1, undefined, 'u1', 'learnt'),
    )
    await world.joinAll('kafka', nowMs)
    await versions('served', horizonMs - 8)
    await versions('learnt', horizonMs - 8)
    await world.joinAll('kafka', nowMs)
    const known = async () => {
      const { rows } = await world.pool.query<{ id: string; at: number }>(
        'select id, occurred_at_ms - $1 as at from catalog_versions order by 1, 2',
        [startMs + horizonMs],
      )
      return rows.map(({ id, at }) => `${id} ${at}`).filter((each) => !each.startsWith('last'))
    }
    const dry = rowsOf(await apply(store, { isDryRun: true }))

    const gone = rowsOf(await apply(store))

    assert.deepEqual([dry, gone], [{ catalog_versions: 2 }, { catalog_versions: 2 }])
    assert.deepEqual(await known(), [
      'followed-after -5',
      'followed-after 1',
      'followed-at 0',
      'followed-before -1',
      'learnt -9',
      'learnt -8',
      'served -9',
      'served -8',
    ])
  })

  test('moments of joining go after a week, but for the last one before each version began to read', async () => {
    const { store, registry, world } = await open()
    const weekMs = nowMs - 7 * dayMs
    await world.pool.query(
      `insert into sources (name, watermark_ms) values ('joins', 0);
       insert into join_batches select 'joins', at, 0 from unnest(array[${[10, 20, 30, weekMs - 2, weekMs - 1, weekMs]}]) at`,
    )
    await registry.publish(versionOf('read-25', { readAtMs: 25 }))

    const gone = rowsOf(await apply(store))

    assert.deepEqual(gone, { join_batches: 3 })
    assert.deepEqual((await world.idsOf('join_batches', 'joined_at_ms')).map(Number), [20, weekMs - 1, weekMs])
  })

  test('a dry run changes nothing, and more rows than a batch go all the same', async () => {
    const { store, world } = await open()
    const many = Array.from({ length: 5_001 }, (_, i) => item(`many-${i}`, -i, `i${i}`))
    await world.send('many', nowMs - 7 * dayMs, ...many)
    await world.pool.query('truncate pending')
    const dry = rowsOf(await apply(store, { isDryRun: true }))
    const untouched = (await world.idsOf('events', 'event_id')).length

    const gone = rowsOf(await apply(store))

    assert.deepEqual([dry, gone], Array(2).fill({ event_bodies: 5_001, events: 5_001 }))
    assert.equal(untouched, 5_001)
    assert.deepEqual(await world.idsOf('events', 'event_id'), [])
  })

  test('ids that are known for less long than events are kept are refused', async () => {
    const { store } = await open()
    const tooShort = { ...settings, ledgerDays: 3 }

    await assert.rejects(applyRetention({ store, settings: tooShort, nowMs, isDryRun: false }), {
      code: 'RETENTION_LEDGER_TOO_SHORT',
      path: 'events.ledgerDays',
    })
  })
}
