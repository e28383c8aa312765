import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ingest } from '../../pipelines/ingest/ingest.ts'
import { clockOf } from '../../pipelines/join/clocks.ts'
import { join } from '../../pipelines/join/join.ts'
import type { JoinStore } from '../../pipelines/join/ports.ts'
import { smallEvents, smallRanker } from '../flows/small-world.ts'
import { contextOf, type JoinPorts } from './join-store.ts'
import { emptyOutput, slateOf } from './joined.ts'
import { at, record, send, startMs } from './sent.ts'

/** What waits to be joined, and leaves as it is. Each test has ids and sources of its own. */
export function joinQueueContract(open: () => Promise<JoinPorts>): void {
  const pendingIds = (store: JoinStore, source: string, upTo: number, limit = 100) =>
    store.transaction(async (transaction) =>
      (await transaction.pending([source], startMs + upTo, limit)).map(({ eventId }) => eventId),
    )
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
