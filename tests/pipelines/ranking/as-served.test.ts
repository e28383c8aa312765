import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Batch } from '../../../models/spec/batch.ts'
import { defineRanker } from '../../../models/spec/define-ranker.ts'
import { createEncoder, emptyBatch } from '../../../models/spec/encoder.ts'
import type { RankingInput } from '../../../models/spec/slate.ts'
import type { Statistics } from '../../../models/spec/statistics.ts'
import type { Event } from '../../../pipelines/ingest/events.ts'
import { ingest, liveSource } from '../../../pipelines/ingest/ingest.ts'
import { join } from '../../../pipelines/join/join.ts'
import type { PendingEvent } from '../../../pipelines/join/ports.ts'
import type { RankedSlate } from '../../../pipelines/ranking/ports.ts'
import { type RankRequest, rank } from '../../../pipelines/ranking/rank.ts'
import { createMemoryIngestStore } from '../ingest/memory-store.ts'
import { feedbackAt, impressionAt, itemAt, pending, userAt } from '../join/events.ts'
import { createMemoryJoinStore } from '../join/memory-store.ts'
import { eventStreams, features, moments } from '../join/random-events.ts'
import { createMemoryKnowledge, examplesOf } from './memory-knowledge.ts'

const ranker = defineRanker({
  name: 'home',
  features: [
    { kind: 'categorical', name: 'userId', scope: 'user', rows: { buckets: 64 }, isId: true },
    { kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 64 }, isId: true },
    { kind: 'categorical', name: 'genre', scope: 'item', rows: { vocabulary: ['drama', 'comedy'] } },
    { kind: 'categorical', name: 'taste', scope: 'user', field: 'genre', rows: { buckets: 16 } },
    { kind: 'categorical', name: 'mood', scope: 'context', field: 'genre', rows: { buckets: 16 } },
    { kind: 'categories', name: 'tags', scope: 'item', rows: { buckets: 16 }, maxValues: 3 },
    { kind: 'text', name: 'title', scope: 'item', rows: { buckets: 16 }, maxTokens: 4 },
    { kind: 'numeric', name: 'price', scope: 'item', scale: 'standard' },
    { kind: 'numeric', name: 'logPrice', scope: 'item', field: 'price', scale: 'log' },
    { kind: 'numeric', name: 'priceBand', scope: 'item', field: 'price', scale: 'buckets' },
    { kind: 'numeric', name: 'budget', scope: 'user', field: 'price', scale: 'standard' },
    { kind: 'counters', name: 'userCounts', of: 'user', feedback: ['click', 'like'], windowDays: 7 },
    { kind: 'counters', name: 'itemCounts', of: 'item', feedback: ['click'] },
    { kind: 'counters', name: 'pairCounts', of: 'user-item', feedback: ['click'], windowDays: 3, strength: 2 },
    { kind: 'history', name: 'recent', length: 3, items: ['itemId', 'genre'] },
    { kind: 'history', name: 'clicked', length: 2, items: ['genre'], feedback: ['click'] },
  ],
  tasks: [
    { name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: 1_000, scoreWeight: 1 },
    { name: 'like', label: { rule: 'happened', kind: 'like' }, windowMs: 1_000 },
  ],
})
const statistics: Statistics = {
  rates: { click: 0.2, like: 0.05 },
  numbers: { priceBand: { mean: 4, deviation: 2, edges: [0, 2, 4, 6], codeMeans: [0.5, 0.5, 0.5] } },
}
const encoder = createEncoder(ranker, statistics)
const encoded = (input: RankingInput): Batch =>
  encoder.encode([input], emptyBatch(encoder.layout, { requests: 1, candidates: input.candidates.length }))
const rankedMs = moments.at(-1)! + 1
const itemIds = ['i1', 'i2', 'i3', 'i4']

/** Joins `before`, ranks, joins the slate and what comes after it: the request as scored, and the example read back. */
async function servedAndRead(before: readonly PendingEvent[], request: RankRequest, after: readonly Event[]) {
  const memory = createMemoryJoinStore()
  const joinContext = { store: memory.store, rankers: [ranker], latenessMs: 0, nowMs: () => rankedMs + 1_000_000 }
  memory.add('import', before, rankedMs - 1)
  await join(joinContext)
  const scored: RankingInput[] = []
  const answer = await rank(request, {
    scorer: {
      ...{ version: 'v1', definitionHash: 'h1', definition: ranker },
      async score(input) {
        scored.push(input)
        return Float32Array.from(input.candidates.flatMap(({ itemId }) => [Number(itemId.slice(1)) % 3, 0]))
      },
    },
    knowledge: createMemoryKnowledge(memory.state),
    slateLog: { append: async (slate) => memory.add(liveSource, await asEvent(slate)) },
    nowMs: () => rankedMs,
    newId: (
      (count) => () =>
        `id${count++}`
    )(0),
    onDegraded: (_, cause) => assert.fail(cause as Error),
  })
  const shown = answer.items.map(({ itemId }) => itemId)
  memory.add(liveSource, pending([...after, impressionAt(rankedMs + 10, answer.slateId, ...shown)]))
  await join(joinContext)
  const example = examplesOf(memory.state(), 'home').find(({ slateId }) => slateId === answer.slateId)!
  const [input] = scored
  const bestFirst = example.input.candidates.map(
    ({ itemId }) => input!.candidates.find((each) => each.itemId === itemId)!,
  )
  return { scored: { ...input!, candidates: bestFirst }, example, answer }
}

/** The slate as it reaches the join: through JSON, and the checks that all events pass. */
async function asEvent(slate: RankedSlate): Promise<PendingEvent[]> {
  const { store, contents } = createMemoryIngestStore()
  const bytes = new TextEncoder().encode(JSON.stringify({ type: 'slate', ...slate }))
  const [outcome] = await ingest([{ bytes, path: '' }], {
    store,
    rankers: ['home'],
    source: liveSource,
    nowMs: () => rankedMs,
  })
  assert.equal(outcome!.outcome, 'accepted', outcome!.message)
  return [...contents().events.values()].map(({ event, occurredAtMs }) => ({
    ...{ eventId: event.eventId, source: liveSource, occurredAtMs, event },
  }))
}

/** All that was known of everybody changes, at the moment of the ranking and after it. */
const upheaval = (userId: string): Event[] =>
  [rankedMs, rankedMs + 5].flatMap((ms) => [
    userAt(ms, userId, { features: { price: 99, genre: 'news' } }),
    ...itemIds.map((itemId, i) => itemAt(ms, itemId, i % 2 === 0 ? { features: { price: 99 } } : { deleted: true })),
    ...itemIds.map((itemId) => feedbackAt(ms, itemId, 'click', { userId, eventId: `late ${itemId} ${ms}` })),
  ])

test('an example is encoded, byte for byte, as the request was that it comes from', async () => {
  const requests = fc.record(
    {
      userId: fc.constantFrom('u1', 'u2', 'nobody'),
      user: features,
      context: features,
      candidates: fc
        .uniqueArray(fc.constantFrom(...itemIds, 'i9'), { minLength: 1 })
        .chain((ids) =>
          fc.tuple(
            ...ids.map((itemId) => fc.record({ itemId: fc.constant(itemId), features }, { requiredKeys: ['itemId'] })),
          ),
        ),
    },
    { requiredKeys: ['userId', 'candidates'] },
  )
  await fc.assert(
    fc.asyncProperty(eventStreams, requests, async (before, request) => {
      const { scored, example } = await servedAndRead(before, request, upheaval(request.userId))

      assert.deepEqual(encoded(example.input), encoded(scored))
      assert.equal(example.impressions.length, request.candidates.length)
    }),
    { numRuns: 200 },
  )
})

test('the bytes hold what each kind of feature sees, so that equal ones mean something', async () => {
  const past = [
    userAt(moments[0]!, 'u', { features: { genre: 'drama', price: 4 } }),
    itemAt(moments[0]!, 'i1', { features: { genre: 'drama', tags: ['x', 'y'], title: 'A cat', price: 3 } }),
    feedbackAt(moments[8]!, 'i1', 'click'),
  ]
  const request = { userId: 'u', candidates: [{ itemId: 'i1' }, { itemId: 'i2' }] }

  const { example } = await servedAndRead(pending(past), request, [])

  const batch = encoded(example.input)
  const place = example.input.candidates.findIndex(({ itemId }) => itemId === 'i1')
  for (const [side, at] of [
    ['request', 0],
    ['candidate', place],
  ] as const) {
    const { groups, slots } = encoder.layout[side]
    for (const { feature, offset, count } of groups) {
      const from = at * slots + offset
      const weight = batch[side].weights.subarray(from, from + count).reduce((sum, value) => sum + value, 0)
      assert.ok(Math.abs(weight - 1) < 1e-6, `${feature} weighs ${weight}`)
    }
  }
  const { numbers } = encoder.layout.candidate
  const numberOf = (name: string) => batch.candidate.numbers[place * numbers.length + numbers.indexOf(name)]!
  assert.deepEqual(
    ['price', 'logPrice', 'itemCounts.click.count', 'pairCounts.click.count'].map(numberOf),
    [3, Math.log1p(3), Math.log1p(1), 0].map(Math.fround),
  )
})

test('what came of each item shown is joined to it, at its place in the answer', async () => {
  const clicks = ['i1', 'i3'].map((itemId) =>
    feedbackAt(rankedMs + 20, itemId, 'click', { userId: 'u1', slateId: 'id0' }),
  )

  const { example, answer } = await servedAndRead(
    [],
    { userId: 'u1', candidates: itemIds.map((itemId) => ({ itemId })), limit: 2 },
    clicks,
  )

  assert.deepEqual(
    answer.items.map(({ itemId }) => itemId),
    ['i2', 'i1'],
  )
  assert.deepEqual(
    example.impressions.map(({ candidate, position, feedback }) => [candidate, position, feedback.length]),
    [
      [0, 0, 0],
      [1, 1, 1],
    ],
  )
})
