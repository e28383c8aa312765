import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { IngestContext } from '../../pipelines/ingest/ingest.ts'
import type { IngestStore } from '../../pipelines/ingest/ports.ts'
import { liveClock } from '../../pipelines/join/clocks.ts'
import { type FoldOutput, type JoinedSlate, type JoinStore, userItemKey } from '../../pipelines/join/ports.ts'
import { smallRanker } from '../flows/small-world.ts'
import { emptyOutput, slateOf } from './joined.ts'
import { at, send, startMs } from './sent.ts'

export interface JoinPorts {
  readonly ingest: IngestStore
  readonly store: JoinStore
}

/** Events of a source as they come in. */
export const contextOf = (store: IngestStore, source: string): IngestContext => ({
  store,
  rankers: [smallRanker.name],
  source,
  nowMs: () => startMs + 1_000_000,
})

/** What every join store keeps to. Each test has ids and sources of its own. */
export function joinStoreContract(open: () => Promise<JoinPorts>): void {
  const save = (store: JoinStore, output: Partial<FoldOutput>) =>
    store.transaction((transaction) => transaction.save({ ...emptyOutput, ...output }))

  test('slates, examples, tallies and history are read back as they were saved', async () => {
    const { store } = await open()
    const tally = { impressions: 3, feedback: { click: 2, constructor: 1 }, lastImpressionAtMs: startMs }
    const days = [{ day: 19_000, impressions: 3, feedback: { click: 2 } }]
    const full = slateOf('k-full', {
      definitionHash: 'hash',
      modelVersion: 'version',
      context: { hour: 8, device: 'tv' },
      user: { age: 0.1 },
      userVersion: 7,
      userTally: { ...tally, days },
      historyEnd: 4,
      items: [
        { itemId: 'i2', features: { price: 1.5, tags: ['a', 'b'] }, version: 9, tally, userItemTally: tally },
        { itemId: 'i1', version: null, tally: null, userItemTally: null },
      ],
    })
    const bare = slateOf('k-bare')
    const example = {
      slateId: 'k-full',
      itemId: 'i2',
      ranker: 'r',
      position: 0,
      occurredAtMs: startMs,
      feedback: [
        { kind: 'click', value: null, occurredAtMs: startMs + 1 },
        { kind: 'play', value: 0.1, occurredAtMs: startMs + 2 },
      ],
    }
    const pair = { scope: 'user-item' as const, key: userItemKey('k-u', '"],\'') }
    const row = { userId: 'k-u', itemId: 'i', itemVersion: null, kind: 'click', occurredAtMs: startMs }

    await save(store, {
      slates: [full, bare],
      examples: [example],
      tallies: [
        { ...pair, clock: liveClock, tally: { ...tally, days } },
        { ...pair, clock: '@old', tally },
        { ...pair, clock: '@older', tally },
      ],
      history: [
        { ...row, sequence: 1 },
        { ...row, sequence: 2, itemVersion: 3 },
      ],
    })

    const read = await store.transaction(async (transaction) => ({
      ...(await transaction.slates(['k-full', 'k-bare', 'k-none'])),
      ...(await transaction.remembered({
        users: ['k-u', 'k-nobody'],
        items: ['k-nothing'],
        tallies: [pair, { scope: 'user', key: 'k-u' }],
        clocks: ['@old', liveClock],
        history: true,
      })),
    }))
    assert.deepEqual(byId(read.slates), [bare, full])
    assert.deepEqual(read.examples, [example])
    assert.deepEqual(
      read.tallies.toSorted((a, b) => (a.clock < b.clock ? -1 : 1)),
      [
        { ...pair, clock: liveClock, tally: { ...tally, days } },
        { ...pair, clock: '@old', tally },
      ],
    )
    assert.deepEqual(read.historyEnds, [{ userId: 'k-u', sequence: 2 }])
    assert.deepEqual(read.catalog, [])
  })

  test('any features come back with every bit', async () => {
    const { store } = await open()
    const text = fc.string({ unit: 'binary' }).map((each) => each.replaceAll('\u0000', ''))
    const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => each + 0)
    const value = fc.oneof(text, number, fc.boolean(), fc.constant(null), fc.array(text, { maxLength: 3 }))
    const features = fc.dictionary(text, value, { maxKeys: 5, noNullPrototype: true })
    let id = 0
    await fc.assert(
      fc.asyncProperty(features, features, async (context, user) => {
        const slate = slateOf(`bits-${id++}`, { context, user, items: [{ ...item, features: context }] })

        await save(store, { slates: [slate] })

        const { slates } = await store.transaction((transaction) => transaction.slates([slate.slateId]))
        assert.deepEqual(slates, [slate])
      }),
      { numRuns: 40, seed: 3 },
    )
  })

  test('an example and a tally saved again replace what was there', async () => {
    const { store } = await open()
    const example = { slateId: 'r-s', itemId: 'i', ranker: 'r', position: 0, occurredAtMs: startMs, feedback: [] }
    const feedback = [{ kind: 'click', value: 2, occurredAtMs: startMs + 3 }]
    const key = { clock: liveClock, scope: 'item' as const, key: 'r-i' }
    const tally = (impressions: number) => ({ impressions, feedback: {}, lastImpressionAtMs: null })
    await save(store, { examples: [example], tallies: [{ ...key, tally: tally(1) }] })

    await save(store, { examples: [{ ...example, feedback }], tallies: [{ ...key, tally: tally(2) }] })

    const read = await store.transaction(async (transaction) => ({
      ...(await transaction.slates(['r-s'])),
      ...(await transaction.remembered({ users: [], items: [], tallies: [key], clocks: [key.clock], history: false })),
    }))
    assert.deepEqual(read.examples, [{ ...example, feedback }])
    assert.deepEqual(read.tallies, [{ ...key, tally: tally(2) }])
    assert.deepEqual(read.historyEnds, [])
  })

  test('orphans wait under their slate in the order of time, until they are adopted', async () => {
    const ports = await open()
    const click = (eventId: string, ms: number) => ({
      type: 'feedback',
      eventId,
      occurredAt: at(ms),
      userId: 'u',
      itemId: 'i',
      kind: 'click',
    })
    await send([click('p-late', 9), click('p-early', 2)], contextOf(ports.ingest, 'parents'))
    const orphans = ['p-late', 'p-early'].map((eventId) => ({ slateId: 'p-s', eventId }))
    await save(ports.store, { orphans })
    await save(ports.store, { orphans })
    const waiting = async () =>
      (await ports.store.transaction((transaction) => transaction.slates(['p-s']))).orphans.map((each) => each.eventId)
    const before = await waiting()

    await save(ports.store, { adopted: [orphans[0]!] })

    assert.deepEqual([before, await waiting()], [['p-early', 'p-late'], ['p-early']])
  })

  test('versions of the catalogue are numbered as given, and remembered in the order of their time', async () => {
    const { store } = await open()
    const version = (id: string, ms: number) => ({
      kind: 'item' as const,
      id,
      occurredAtMs: startMs + ms,
      features: {},
      deleted: false,
    })

    const { numbers, catalog } = await store.transaction(async (transaction) => ({
      numbers: await transaction.addCatalog([
        version('v-a', 5),
        version('v-b', 1),
        version('v-a', 3),
        version('v-a', 5),
      ]),
      catalog: (
        await transaction.remembered({ users: ['v-b'], items: ['v-a'], tallies: [], clocks: [], history: false })
      ).catalog,
    }))

    assert.deepEqual(
      numbers.toSorted((a, b) => a - b),
      numbers,
    )
    assert.deepEqual(
      catalog.map((each) => [each.id, each.occurredAtMs - startMs, each.version]),
      [
        ['v-a', 3, numbers[2]],
        ['v-a', 5, numbers[0]],
        ['v-a', 5, numbers[3]],
      ],
    )
  })
}

const item = { itemId: 'i', version: null, tally: null, userItemTally: null }
const byId = (slates: readonly JoinedSlate[]) => slates.toSorted((a, b) => (a.slateId < b.slateId ? -1 : 1))
