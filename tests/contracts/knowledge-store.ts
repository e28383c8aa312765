import assert from 'node:assert/strict'
import { test } from 'node:test'
import { historyHorizon } from '../../models/spec/tally.ts'
import { liveSource } from '../../pipelines/ingest/ingest.ts'
import { liveClock } from '../../pipelines/join/clocks.ts'
import { join } from '../../pipelines/join/join.ts'
import { type CatalogVersion, type HistoryRow, userItemKey } from '../../pipelines/join/ports.ts'
import type { KnowledgeQuery, KnowledgeStore } from '../../pipelines/ranking/ports.ts'
import { keepAll, rankerThat } from '../pipelines/join/rankers.ts'
import type { JoinPorts } from './join-store.ts'
import { emptyOutput } from './joined.ts'
import { at, send, startMs } from './sent.ts'

export interface KnowledgePorts extends JoinPorts {
  readonly knowledge: KnowledgeStore
}

/** What is known of users and items now. Each test has ids of its own. */
export function knowledgeStoreContract(open: () => Promise<KnowledgePorts>): void {
  const query = (userId: string, itemIds: readonly string[], more: Partial<KnowledgeQuery> = {}): KnowledgeQuery => ({
    userId,
    itemIds,
    historyFeedback: null,
    tallies: { user: true, item: true, userItem: true },
    ...more,
  })
  const entry = (id: string, ms: number, changes: Partial<CatalogVersion> = {}): CatalogVersion => ({
    kind: 'item',
    id,
    occurredAtMs: startMs + ms,
    features: { of: id, ms },
    deleted: false,
    ...changes,
  })

  test('unknown ids are left out, whatever they are called', async () => {
    const { knowledge } = await open()
    const odd = ["'; drop table items", '{a,b}', '"', '\\', 'null', '\u{1f600}', ' ']

    const known = await knowledge.know(query('nobody', odd))
    const ofNothing = await knowledge.know(query("o'brien", []))

    const nothing = {
      user: null,
      userTally: null,
      history: [],
      historyEnd: 0,
      items: new Map(),
      itemTallies: new Map(),
      userItemTallies: new Map(),
    }
    assert.deepEqual([known, ofNothing], [nothing, nothing])
  })

  test('the newest version counts, by its time and then by its arrival; deleted is unknown until it comes back', async () => {
    const { knowledge, store } = await open()
    const versions = await store.transaction((transaction) =>
      transaction.addCatalog([
        entry('c-late', 9),
        entry('c-late', 5),
        entry('c-same', 5, { features: { first: true } }),
        entry('c-same', 5, { features: { first: false } }),
        entry('c-gone', 1),
        entry('c-gone', 2, { deleted: true }),
        entry('c-back', 1, { deleted: true }),
        entry('c-back', 2),
        entry('c-same', 1, { kind: 'user', features: { age: 1 } }),
      ]),
    )

    const known = await knowledge.know(query('c-same', ['c-late', 'c-same', 'c-gone', 'c-back']))

    assert.deepEqual(
      known.items,
      new Map([
        ['c-late', { version: versions[0]!, features: { of: 'c-late', ms: 9 } }],
        ['c-same', { version: versions[3]!, features: { first: false } }],
        ['c-back', { version: versions[7]!, features: { of: 'c-back', ms: 2 } }],
      ]),
    )
    assert.deepEqual(known.user, { version: versions[8]!, features: { age: 1 } })
  })

  test('a deleted user is unknown', async () => {
    const { knowledge, store } = await open()
    const user = (ms: number, deleted: boolean) => entry('g-u', ms, { kind: 'user', deleted })
    await store.transaction((transaction) => transaction.addCatalog([user(1, false), user(2, true)]))

    const known = await knowledge.know(query('g-u', []))

    assert.equal(known.user, null)
  })

  test('counts are those that were asked for, of this user, these items, and this user with them', async () => {
    const { knowledge, store } = await open()
    const tally = (impressions: number) => ({ impressions, feedback: { click: 1 }, lastImpressionAtMs: startMs })
    const keys = [
      { scope: 'user', key: 't-u' },
      { scope: 'item', key: 't-i' },
      { scope: 'user-item', key: userItemKey('t-u', 't-i') },
      { scope: 'user', key: 't-i' },
      { scope: 'item', key: 't-u' },
      { scope: 'user-item', key: userItemKey('t-v', 't-i') },
    ] as const
    await store.transaction((transaction) =>
      transaction.save({
        ...emptyOutput,
        tallies: keys.map((key, i) => ({ ...key, clock: liveClock, tally: tally(i + 1) })),
      }),
    )
    const counts = async (tallies: KnowledgeQuery['tallies']) => {
      const known = await knowledge.know(query('t-u', ['t-i', 't-j'], { tallies }))
      return [known.userTally, Object.fromEntries(known.itemTallies), Object.fromEntries(known.userItemTallies)]
    }

    assert.deepEqual(await counts({ user: true, item: true, userItem: true }), [
      tally(1),
      { 't-i': tally(2) },
      { 't-i': tally(3) },
    ])
    assert.deepEqual(await counts({ user: false, item: true, userItem: false }), [null, { 't-i': tally(2) }, {}])
    assert.deepEqual(await counts({ user: false, item: false, userItem: false }), [null, {}, {}])
  })

  test('counts and histories are of all clocks together, live and backfills', async () => {
    const { knowledge, store, ingest } = await open()
    const ranker = rankerThat('clocks', 'explicit', keepAll)
    const happen = async (source: string, ms: number) => {
      const intake = { store: ingest, rankers: [ranker.name], source, nowMs: () => startMs + 1_000 }
      const common = { occurredAt: at(ms), userId: 'a-u' }
      await send(
        [
          { type: 'slate', eventId: `a-s-${source}`, ...common, slateId: `a-${source}`, items: [{ itemId: 'a-i' }] },
          { type: 'feedback', eventId: `a-f-${source}`, ...common, itemId: 'a-i', kind: `of ${source}` },
        ],
        intake,
      )
      if (source !== liveSource)
        await ingest.transaction((transaction) => transaction.advance(source, startMs + 1_000_000))
      await join({ store, rankers: [ranker], latenessMs: 0, nowMs: () => startMs + 1_000 })
    }

    await happen(liveSource, 500)
    await happen('a-older', 100)
    await happen('a-old', 200)

    const { userTally, itemTallies, userItemTallies, history, historyEnd } = await knowledge.know(query('a-u', ['a-i']))
    const counted = {
      impressions: 3,
      feedback: { [`of ${liveSource}`]: 1, 'of a-older': 1, 'of a-old': 1 },
      lastImpressionAtMs: startMs + 500,
    }
    for (const tally of [userTally, itemTallies.get('a-i'), userItemTallies.get('a-i')]) {
      const { days: _, ...all } = tally!
      assert.deepEqual(all, counted)
    }
    assert.deepEqual([history.map(({ kind }) => kind), historyEnd], [['of a-older', 'of a-old', `of ${liveSource}`], 3])
  })

  test('the history is the newest within its horizon, of the kinds asked for, with items as they were then', async () => {
    const { knowledge, store } = await open()
    const length = historyHorizon + 10
    const rows = await store.transaction(async (transaction) => {
      const [then] = await transaction.addCatalog([entry('h-item', 1), entry('h-item', 2)])
      const history: HistoryRow[] = Array.from({ length }, (_, i) => ({
        userId: 'h-user',
        sequence: i + 1,
        itemId: 'h-item',
        itemVersion: i % 2 === 0 ? then! : null,
        kind: i === length - 1 ? 'hide' : i % 5 === 0 ? 'like' : 'click',
        occurredAtMs: startMs + i,
      }))
      const backfilled = { ...history[0]!, sequence: length + 1, kind: 'like', occurredAtMs: startMs - 1 }
      await transaction.save({ ...emptyOutput, history: [...history, backfilled] })
      return history
    })
    const historyOf = async (historyFeedback: readonly string[] | null) => {
      const { history, historyEnd } = await knowledge.know(query('h-user', [], { historyFeedback }))
      return { history, historyEnd }
    }
    const expected = (kinds: readonly string[]) =>
      rows
        .slice(-historyHorizon)
        .filter(({ kind }) => kinds.includes(kind))
        .map(({ itemId, kind, occurredAtMs, itemVersion }) => ({
          itemId,
          kind,
          occurredAtMs,
          features: itemVersion === null ? {} : { of: 'h-item', ms: 1 },
        }))

    const all = ['click', 'like', 'hide']
    assert.deepEqual(await historyOf(null), { history: expected(all), historyEnd: length + 1 })
    // What was looked at ends where the history ends, although what came last is older than all, or of another kind.
    assert.deepEqual(await historyOf(['like']), { history: expected(['like']), historyEnd: length + 1 })
    assert.deepEqual(await historyOf([]), { history: [], historyEnd: 0 })
  })
}
