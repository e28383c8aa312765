import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type IngestContext, ingest } from '../../pipelines/ingest/ingest.ts'
import type { IngestStore } from '../../pipelines/ingest/ports.ts'
import { clockOf, liveClock } from '../../pipelines/join/clocks.ts'
import { join } from '../../pipelines/join/join.ts'
import { type FoldOutput, type JoinedSlate, type JoinStore, userItemKey } from '../../pipelines/join/ports.ts'
import { smallEvents, smallRanker } from '../flows/small-world.ts'
import { emptyOutput, slateOf } from './joined.ts'
import { at, record, send, startMs } from './sent.ts'

export interface JoinPorts {
  readonly ingest: IngestStore
  readonly store: JoinStore
}

/** What every join store keeps to. Each test has ids and sources of its own. */
export function joinStoreContract(open: () => Promise<JoinPorts>): void {
  const contextOf = (store: IngestStore, source: string): IngestContext => ({
    store,
    rankers: [smallRanker.name],
    source,
    nowMs: () => startMs + 1_000_000,
  })
  const pendingIds = (store: JoinStore, source: string, upTo: number, limit = 100) =>
    store.transaction(async (transaction) =>
      (await transaction.pending([source], startMs + upTo, limit)).map(({ eventId }) => eventId),
    )
  const save = (store: JoinStore, output: Partial<FoldOutput>) =>
    store.transaction((transaction) => transaction.save({ ...emptyOutput, ...output }))

  test('events wait in the order of time, kind and id, whatever order they came in', async () => {
    const ports = await open()
    const common = { userId: 'u', itemId: 'i' }
    const sent = [
      { type: 'feedback', eventId: 'w-f', occurredAt: at(5), ...common, kind: 'click' },
      { type: 'impression', eventId: 'w-i', occurredAt: at(5), slateId: 's', itemIds: ['i'] },
      { type: 'slate', eventId: 'w-s', occurredAt: at(5), slateId: 's', userId: 'u', items: [{ itemId: 'i' }] },
      { type: 'user', eventId: 'w-b', occurredAt: at(5), userId: 'u' },
      { type: 'item', eventId: 'w-\u00e9', occurredAt: at(5), itemId: 'i' },
      { type: 'item', eventId: 'w-B', occurredAt: at(5), itemId: 'i' },
      { type: 'item', eventId: 'w-z', occurredAt: at(6), itemId: 'i' },
      { type: 'feedback', eventId: 'w-first', occurredAt: at(4), ...common, kind: 'click' },
    ]
    await send(sent, contextOf(ports.ingest, 'waiting'))
    await send([{ ...sent[5], eventId: 'w-elsewhere' }], contextOf(ports.ingest, 'waiting elsewhere'))

    const [all, some, few] = [
      await pendingIds(ports.store, 'waiting', 6),
      await pendingIds(ports.store, 'waiting', 5),
      await pendingIds(ports.store, 'waiting', 6, 3),
    ]

    const order = ['w-first', 'w-B', 'w-b', 'w-\u00e9', 'w-s', 'w-i', 'w-f', 'w-z']
    assert.deepEqual([all, some, few], [order, order.slice(0, 7), order.slice(0, 3)])
  })

  test('what was joined leaves the queue, and the clock of its source moves forward only', async () => {
    const ports = await open()
    const item = (eventId: string, ms: number) => ({ type: 'item', eventId, occurredAt: at(ms), itemId: 'i' })
    await send([item('d-1', 1), item('d-2', 2), item('d-3', 2), item('d-4', 3)], contextOf(ports.ingest, 'done'))
    const finish = (count: number, joinedTo: number) =>
      ports.store.transaction(async (transaction) => {
        const events = await transaction.pending(['done'], startMs + 100, count)
        await transaction.finish(events, [{ source: 'done', joinedToMs: startMs + joinedTo, late: 1 }])
        return (await transaction.sources()).find(({ name }) => name === 'done')
      })

    await finish(2, 50)
    const left = await pendingIds(ports.store, 'done', 100)
    const waiting = await finish(1, 40)
    const last = await finish(1, 40)

    const source = (await ports.store.sources()).find(({ name }) => name === 'done')
    assert.deepEqual(left, ['d-3', 'd-4'])
    assert.deepEqual(await pendingIds(ports.store, 'done', 100), [])
    assert.deepEqual([waiting?.joinedToMs, source?.joinedToMs], [startMs + 50, startMs + 50])
    assert.deepEqual([waiting?.isWaiting, last?.isWaiting, source?.isWaiting], [true, false, false])
  })

  test('events of several sources wait in one order, and each has its source', async () => {
    const ports = await open()
    const item = (eventId: string, ms: number) => ({ type: 'item', eventId, occurredAt: at(ms), itemId: 'i' })
    await send([item('m-1', 1), item('m-3', 3), item('m-4', 4)], contextOf(ports.ingest, 'mixed a'))
    await send([item('m-0', 3), item('m-2', 2), item('m-9', 9)], contextOf(ports.ingest, 'mixed b'))

    const read = (limit: number) =>
      ports.store.transaction(async (transaction) =>
        (await transaction.pending(['mixed a', 'mixed b', 'none'], startMs + 5, limit)).map(
          ({ eventId, source }) => `${eventId} ${source.at(-1)}`,
        ),
      )

    const all = ['m-1 a', 'm-2 b', 'm-0 b', 'm-3 a', 'm-4 a']
    assert.deepEqual([await read(100), await read(3)], [all, all.slice(0, 3)])
  })

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

  test('nothing of a batch that fails is kept', async () => {
    const ports = await open()
    await send([{ type: 'item', eventId: 'n-1', occurredAt: at(1), itemId: 'n-i' }], contextOf(ports.ingest, 'never'))
    const failing = ports.store.transaction(async (transaction) => {
      const events = await transaction.pending(['never'], startMs + 10, 10)
      await transaction.addCatalog([{ kind: 'item', id: 'n-i', occurredAtMs: 1, features: {}, deleted: false }])
      await transaction.save({ ...emptyOutput, slates: [slateOf('n-s')] })
      await transaction.finish(events, [{ source: 'never', joinedToMs: startMs + 10, late: 0 }])
      throw new Error('killed')
    })

    await assert.rejects(failing, /killed/)

    const read = await ports.store.transaction(async (transaction) => ({
      ...(await transaction.slates(['n-s'])),
      ...(await transaction.remembered({ users: [], items: ['n-i'], tallies: [], clocks: [], history: false })),
    }))
    assert.deepEqual(await pendingIds(ports.store, 'never', 10), ['n-1'])
    assert.deepEqual([read.slates, read.catalog], [[], []])
  })

  test('several joins at once take every event once', async () => {
    const ports = await open()
    const source = 'crowd'
    const events = smallEvents(600, 11, startMs)
    await ingest(events.map(record), contextOf(ports.ingest, source))
    await ports.ingest.transaction((transaction) => transaction.advance(source, startMs + 1_000))
    const context = { store: ports.store, rankers: [smallRanker], latenessMs: 0, nowMs: () => startMs }

    const joined = await Promise.all([1, 2, 3].map(() => join(context)))

    const key = { clock: clockOf(source), scope: 'item' as const, key: 'i0' }
    const { tallies } = await ports.store.transaction((transaction) =>
      transaction.remembered({ users: [], items: [], tallies: [key], clocks: [key.clock], history: false }),
    )
    const shown = events.filter((event) => event.type === 'slate' && event.items.some(({ itemId }) => itemId === 'i0'))
    const clicked = events.filter(
      (event) => event.type === 'feedback' && event.itemId === 'i0' && event.kind === 'click',
    )
    assert.ok(joined.reduce((sum, count) => sum + count, 0) >= events.length)
    assert.deepEqual(await pendingIds(ports.store, source, 1_000), [])
    assert.equal(tallies[0]?.tally.impressions, shown.length)
    assert.equal(tallies[0]?.tally.feedback.click, clicked.length)
  })
}

const item = { itemId: 'i', version: null, tally: null, userItemTally: null }
const byId = (slates: readonly JoinedSlate[]) => slates.toSorted((a, b) => (a.slateId < b.slateId ? -1 : 1))
