import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventLedger } from '../../pipelines/ingest/ports.ts'
import type { VersionRegistry } from '../../pipelines/promotion/ports.ts'
import type { LineageStore, SlateCursor } from '../../pipelines/retention/ports.ts'
import { click, dayMs, keepsAll, seen, slate, type World } from './kept.ts'
import { startMs } from './sent.ts'
import { versionOf } from './versions.ts'

export interface LineagePorts {
  readonly lineage: LineageStore
  readonly ledger: EventLedger
  readonly registry: VersionRegistry
  readonly world: World
}

/** What a version was made of. Each test begins with an empty database. */
export function lineageContract(open: () => Promise<LineagePorts>): void {
  const version = (name: string, fromMs: number, toMs: number, readAtMs = Date.now() + dayMs) =>
    versionOf(name, { trainedFromMs: startMs + fromMs, trainedToMs: startMs + toMs, readAtMs }, keepsAll)
  /** A moment by the database's clock after all that was joined, and before all that will be. */
  const between = async ({ pool }: World) => {
    const { rows } = await pool.query<{ at: number }>(
      `select greatest(max(joined_at_ms), floor(extract(epoch from clock_timestamp()) * 1000)::bigint) + 1 as at from join_batches`,
    )
    await pool.query('select pg_sleep(0.005)')
    return rows[0]!.at
  }

  test('a version is made of the slates in its range, of every source, by day and by user', async () => {
    const { lineage, world } = await open()
    const take = (source: string, slateId: string, atMs: number, userId: string, ...shown: readonly string[]) =>
      world.send(source, startMs + 9 * dayMs, slate(slateId, atMs, userId, shown))
    await take('past', 'before', -1, 'u0', 'i1')
    await take('past', 'first', 0, 'u1', 'i1', 'i2')
    await take('past', 'day-end', dayMs - 1, 'u2', 'i1')
    await take('past', 'next-day', dayMs, 'u1', 'i1', 'i2', 'i3')
    await take('past', 'end', 3 * dayMs, 'u3', 'i1')
    await world.joinAll('past', startMs + 4 * dayMs)
    await take('other', 'of-other', 3 * dayMs - 1, 'u2', 'i1')
    await world.joinAll('other', startMs + 4 * dayMs)

    const learnt = version('v', 0, 3 * dayMs)
    const counts = await lineage.count(learnt)
    const { slates, next } = await lineage.slates(learnt, null, 100)

    assert.deepEqual(counts, {
      users: 2,
      slates: 4,
      examples: 7,
      bySource: [
        { source: 'other', examples: 1 },
        { source: 'past', examples: 6 },
      ],
      byDay: [
        { day: '2024-01-01', examples: 3 },
        { day: '2024-01-02', examples: 3 },
        { day: '2024-01-03', examples: 1 },
      ],
    })
    assert.deepEqual(
      slates.map(({ slateId, source, examples }) => [slateId, source, examples]),
      [
        ['first', 'past', 2],
        ['day-end', 'past', 1],
        ['next-day', 'past', 3],
        ['of-other', 'other', 1],
      ],
    )
    assert.equal(next, null)
    assert.deepEqual(await lineage.count(version('empty', -9, -8)), {
      users: 0,
      slates: 0,
      examples: 0,
      bySource: [],
      byDay: [],
    })
  })

  test('each slate leads to its events, its own first, as long as what they say is kept', async () => {
    const { lineage, world } = await open()
    const receive = (days: number, ...events: readonly object[]) =>
      world.send('past', startMs + days * dayMs, ...events)
    await receive(4, click('late-click', 3, 's1'), click('other-click', 3, 's2'))
    await receive(2, seen('s1', 2), seen('s2', 2))
    await receive(5, slate('s1', 1), slate('s2', 2))
    await world.joinAll('past', startMs + dayMs)
    const eventsOf = async () =>
      (await lineage.slates(version('v', 0, 9), null, 9)).slates.map(({ eventIds }) => eventIds)
    const all = await eventsOf()
    await world.pool.query('drop table event_bodies_20240103')

    const rest = await eventsOf()

    assert.deepEqual(all, [
      ['s1-event', 's1-seen', 'late-click'],
      ['s2-event', 's2-seen', 'other-click'],
    ])
    assert.deepEqual(rest, [
      ['s1-event', 'late-click'],
      ['s2-event', 'other-click'],
    ])
  })

  test('pages of any size hold every slate once and in order, also those of one moment', async () => {
    const { lineage, world } = await open()
    const slates = Array.from({ length: 11 }, (_, i) => slate(`s${String(i).padStart(2, '0')}`, Math.floor(i / 4)))
    await world.send('past', startMs + dayMs, ...slates.toReversed())
    await world.joinAll('past', startMs + dayMs)
    const learnt = version('v', 0, 9)

    for (const size of [1, 3, 4, 11, 12]) {
      const found: string[] = []
      let cursor: SlateCursor | null = null
      do {
        const page: Awaited<ReturnType<LineageStore['slates']>> = await lineage.slates(learnt, cursor, size)
        found.push(...page.slates.map(({ slateId }) => slateId))
        cursor = page.next
      } while (cursor !== null)
      assert.deepEqual(
        found,
        slates.map(({ slateId }) => slateId),
        `pages of ${size}`,
      )
    }
  })

  test('what had come but was not joined when a version began to read, it has not learnt', async () => {
    const { lineage, ledger, registry, world } = await open()
    const take = (slateId: string, atMs: number, source = 'past') =>
      world.send(source, startMs, slate(slateId, atMs), click(`${slateId}-click`, atMs + 1, slateId))
    await take('joined', 10)
    await take('waits', 20)
    await world.joinAll('past', startMs + 12)
    const readAtMs = await between(world)
    await registry.publish(version('early', 0, 100, readAtMs))
    await world.joinAll('past', startMs + 30)
    await take('imported', 5, 'another')
    await world.joinAll('another', startMs + 30)
    await registry.publish(version('later', 0, 100, await between(world)))
    const versionsOf = async (eventId: string) => {
      const trail = await ledger.trail(eventId)
      return trail !== null && 'modelVersions' in trail ? trail.modelVersions : null
    }
    const slatesOf = async (name: string) =>
      (await lineage.slates((await registry.find(name))!, null, 9)).slates.map(({ slateId }) => slateId)

    for (const [slateId, versions] of [
      ['joined', ['early', 'later']],
      ['waits', ['later']],
      ['imported', ['later']],
    ] as const) {
      assert.deepEqual([slateId, await versionsOf(`${slateId}-event`)], [slateId, versions])
      assert.deepEqual([slateId, await versionsOf(`${slateId}-click`)], [slateId, versions])
    }
    assert.deepEqual(await slatesOf('early'), ['joined'])
    assert.deepEqual(await slatesOf('later'), ['imported', 'joined', 'waits'])
    assert.equal((await lineage.count((await registry.find('early'))!)).slates, 1)
  })

  test('feedback that is joined after the version began to read is not in it, although its slate is', async () => {
    const { ledger, registry, world } = await open()
    await world.send('past', startMs, slate('s', 10), click('soon', 11, 's'), click('late', 40, 's'))
    await world.joinAll('past', startMs + 20)
    await registry.publish(version('v', 0, 100, await between(world)))
    await world.joinAll('past', startMs + 50)

    const trails = await Promise.all(['s-event', 'soon', 'late'].map((id) => ledger.trail(id)))

    assert.deepEqual(
      trails.map((trail) => trail !== null && 'modelVersions' in trail && trail.modelVersions),
      [['v'], ['v'], []],
    )
  })
}
