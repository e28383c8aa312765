import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventLedger, IngestStore } from '../../pipelines/ingest/ports.ts'
import { join } from '../../pipelines/join/join.ts'
import type { JoinStore } from '../../pipelines/join/ports.ts'
import type { VersionRegistry } from '../../pipelines/promotion/ports.ts'
import { smallRanker } from '../flows/small-world.ts'
import { at, send, startMs } from './sent.ts'
import { versionOf } from './versions.ts'

export interface LedgerPorts {
  readonly store: IngestStore
  readonly joinStore: JoinStore
  readonly registry: VersionRegistry
  readonly ledger: EventLedger
}

/** What became of an event, at each of its stages. */
export function eventLedgerContract(open: () => Promise<LedgerPorts>): void {
  /** Sends events under a source of their own; `joinAll` joins all that came so far. */
  const begin = async (source: string) => {
    const ports = await open()
    const context = { store: ports.store, rankers: [smallRanker.name], source, nowMs: () => startMs + 500 }
    return {
      ...ports,
      send: (...events: readonly object[]) => send(events, context),
      async joinAll() {
        await ports.store.transaction((transaction) => transaction.advance(source, startMs + 1_000_000))
        await join({ store: ports.joinStore, rankers: [smallRanker], latenessMs: 0, nowMs: () => startMs })
      },
      states: async (...ids: readonly string[]) =>
        Promise.all(ids.map(async (id) => (await ports.ledger.trail(id))?.state ?? null)),
    }
  }
  const slate = (slateId: string, atMs = 10) => ({
    type: 'slate',
    eventId: slateId,
    occurredAt: at(atMs),
    slateId,
    userId: 'u1',
    items: [{ itemId: 'i2' }, { itemId: 'i1' }],
  })
  const click = (eventId: string, slateId: string | undefined, atMs = 20) => ({
    type: 'feedback',
    eventId,
    occurredAt: at(atMs),
    userId: 'u1',
    itemId: 'i1',
    slateId,
    kind: 'click',
  })

  test('an event is pending until it is joined, and then names its slate and its examples', async () => {
    const { send, joinAll, states, ledger } = await begin('trail')
    const ids = ['t-slate', 't-seen', 't-click', 't-free', 't-item']
    await send(
      slate('t-slate'),
      { type: 'impression', eventId: 't-seen', occurredAt: at(15), slateId: 't-slate', itemIds: ['i1'] },
      click('t-click', 't-slate'),
      click('t-free', undefined),
      { type: 'item', eventId: 't-item', occurredAt: at(1), itemId: 'i1' },
    )
    const before = await states(...ids)
    await joinAll()

    const trails = await Promise.all(ids.map((id) => ledger.trail(id)))

    assert.deepEqual(before, Array(5).fill('pending'))
    const [i1, i2] = ['i1', 'i2'].map((itemId) => ({ slateId: 't-slate', itemId }))
    assert.deepEqual(
      trails.map((trail) => trail !== null && 'examples' in trail && [trail.state, trail.slateId, trail.examples]),
      [
        ['joined', 't-slate', [i2, i1]],
        ['joined', 't-slate', [i1]],
        ['joined', 't-slate', [i1]],
        ['joined', null, []],
        ['joined', null, []],
      ],
    )
    assert.deepEqual(trails[2], {
      state: 'joined',
      eventId: 't-click',
      type: 'feedback',
      source: 'trail',
      occurredAtMs: startMs + 20,
      receivedAtMs: startMs + 500,
      slateId: 't-slate',
      examples: [i1],
      modelVersions: [],
    })
  })

  test('feedback on a slate that has not come is an orphan, until the slate comes', async () => {
    const { send, joinAll, states } = await begin('orphans')
    await send(click('o-click', 'o-slate'), click('o-lost', 'o-never'))
    await joinAll()
    const waiting = await states('o-click', 'o-lost')
    await send(slate('o-slate'))
    await joinAll()

    const after = await states('o-click', 'o-lost')

    assert.deepEqual(waiting, ['orphan', 'orphan'])
    assert.deepEqual(after, ['joined', 'orphan'])
  })

  test('versions that learnt an event had its slate in their range, and began to read after it was joined', async () => {
    const { send, joinAll, ledger, registry } = await begin('learnt')
    await send(slate('l-slate', 100), click('l-click', 'l-slate', 110))
    await joinAll()
    // By the database's clock, which says when it was joined.
    const joinedMs = Date.now() + 60_000
    const publish = (version: string, trainedFrom: number, trainedTo: number, readAtMs: number, createdAt: number) =>
      registry.publish(
        versionOf(version, {
          trainedFromMs: startMs + trainedFrom,
          trainedToMs: startMs + trainedTo,
          readAtMs,
          createdAtMs: startMs + createdAt,
        }),
      )
    await publish('l-second', 0, 101, joinedMs, 9)
    await publish('l-first', 100, 300, joinedMs + 100, 8)
    await publish('l-ends-before', 0, 100, joinedMs, 1)
    await publish('l-starts-after', 101, 300, joinedMs, 2)
    await publish('l-read-before', 0, 300, startMs + 500, 3)
    const other = versionOf('l-other', { trainedToMs: startMs + 300 }, { ...smallRanker, name: 'another' })
    await registry.publish(other)

    const trails = await Promise.all(['l-slate', 'l-click'].map((id) => ledger.trail(id)))

    assert.deepEqual(
      trails.map((trail) => trail !== null && 'modelVersions' in trail && trail.modelVersions),
      [
        ['l-first', 'l-second'],
        ['l-first', 'l-second'],
      ],
    )
  })

  test('what was set aside is found by the id it gave itself, unless an event of that id was accepted', async () => {
    const { send, ledger, states } = await begin('aside')
    const refused = { ...slate('q-slate'), ranker: 'nobody' }
    const conflicting = { ...slate('q-taken'), userId: 'u2' }
    await send(refused, { ...refused, occurredAt: 'yesterday' }, slate('q-taken'), conflicting)

    const trail = await ledger.trail('q-slate')

    assert.ok(trail?.state === 'quarantined')
    assert.deepEqual([trail.letter.code, trail.letter.path], ['EVENT_FIELD_INVALID', '/occurredAt'])
    assert.deepEqual(await states('q-taken', 'q-nobody'), ['pending', null])
  })

  test('accepted events are read in the order of receipt, from any place on, up to a moment', async () => {
    const { store, ledger } = await open()
    const beginMs = startMs + 20 * 86_400_000
    const receive = (atMs: number, ...ids: readonly string[]) =>
      send(
        ids.map((eventId) => ({ type: 'item', eventId, occurredAt: at(0), itemId: 'i1' })),
        { store, rankers: [], source: 'received', nowMs: () => beginMs + atMs },
      )
    // A day lies between some of them, and those of one moment are in the order of their ids.
    await receive(86_400_005, 'r-d')
    await receive(5, 'r-b', 'r-a')
    await receive(7, 'r-c')
    const read = async (after: readonly [number, string] | null, untilMs: number, limit: number) =>
      (
        await ledger.received(
          after === null ? null : { receivedAtMs: beginMs + after[0], eventId: after[1] },
          beginMs + untilMs,
          limit,
        )
      ).map(({ eventId }) => eventId)
    const day = 86_400_000

    assert.deepEqual(
      [
        await read([0, ''], 2 * day, 100),
        await read([5, 'r-a'], 2 * day, 2),
        await read([7, 'r-c'], 2 * day, 100),
        await read([0, ''], 6, 100),
        await read(null, 2 * day, 3),
        await read(null, 7, 2),
      ],
      [['r-a', 'r-b', 'r-c', 'r-d'], ['r-b', 'r-c'], ['r-d'], ['r-a', 'r-b'], ['r-b', 'r-c', 'r-d'], ['r-b', 'r-c']],
    )
    assert.deepEqual((await ledger.received({ receivedAtMs: beginMs + 5, eventId: 'r-b' }, beginMs + 7, 1))[0], {
      eventId: 'r-c',
      receivedAtMs: beginMs + 7,
      source: 'received',
      event: { type: 'item', eventId: 'r-c', occurredAt: at(0), itemId: 'i1' },
    })
  })
}
