import fc from 'fast-check'
import type { Batch, SideBatch } from '../../../models/spec/batch.ts'
import { defineRanker } from '../../../models/spec/define-ranker.ts'
import { createEncoder, emptyBatch } from '../../../models/spec/encoder.ts'
import type { FeatureSpec, FeatureValue, FeatureValues } from '../../../models/spec/features.ts'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import type { Candidate, HistoryItem, RankingInput, Tally } from '../../../models/spec/slate.ts'
import type { Statistics } from '../../../models/spec/statistics.ts'

export const dayMs = 86_400_000
/** Noon of day 20,000. */
export const now = 20_000.5 * dayMs

export const rankerOf = (...features: readonly FeatureSpec[]): RankerDefinition =>
  defineRanker({
    name: 'home',
    features,
    tasks: [{ name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: dayMs }],
  })

/** One feature of each kind, and of each scope and scale where that makes a difference. */
export const fullRanker = rankerOf(
  { kind: 'categorical', name: 'userId', scope: 'user', rows: { buckets: 50 }, isId: true },
  { kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 100 }, isId: true },
  { kind: 'categorical', name: 'genre', scope: 'item', rows: { vocabulary: ['drama', 'comedy'] } },
  { kind: 'categorical', name: 'device', scope: 'context', rows: { vocabulary: ['phone', 'tv'] } },
  { kind: 'categories', name: 'tags', scope: 'item', rows: { buckets: 32 }, maxValues: 3 },
  { kind: 'text', name: 'query', scope: 'context', rows: { buckets: 64 }, maxTokens: 4 },
  { kind: 'numeric', name: 'price', scope: 'item', scale: 'standard' },
  { kind: 'numeric', name: 'age', scope: 'user', scale: 'log' },
  { kind: 'numeric', name: 'length', scope: 'item', scale: 'buckets' },
  { kind: 'counters', name: 'userCounters', of: 'user', feedback: ['click'] },
  { kind: 'counters', name: 'itemCounters', of: 'item', feedback: ['click', 'buy'], windowDays: 7 },
  { kind: 'counters', name: 'pairCounters', of: 'user-item', feedback: ['click'] },
  { kind: 'history', name: 'clicked', length: 3, items: ['itemId', 'genre'], feedback: ['click'] },
)

export const statistics: Statistics = {
  rates: { click: 0.1, buy: 0.02 },
  numbers: { length: { mean: 20, deviation: 10, edges: [0, 10, 20, 30], codeMeans: [0.9, 0.5, 0.1] } },
}

export const itemOf = (itemId: string, features: FeatureValues = {}): Candidate => ({
  itemId,
  features,
  tally: null,
  userItemTally: null,
})
export const inputOf = (fields: Partial<RankingInput> = {}): RankingInput => ({
  userId: 'u1',
  occurredAtMs: now,
  user: {},
  context: {},
  history: [],
  userTally: null,
  candidates: [itemOf('i1')],
  ...fields,
})

export const encodeOne = (
  definition: RankerDefinition,
  input: RankingInput,
  learnt: Statistics = statistics,
): Batch => {
  const encoder = createEncoder(definition, learnt)
  return encoder.encode([input], emptyBatch(encoder.layout, { requests: 1, candidates: input.candidates.length }))
}

export interface PlainSide {
  readonly rows: readonly number[]
  readonly weights: readonly number[]
  readonly numbers: readonly number[]
  readonly present: readonly number[]
}
const width = (array: Int32Array | Float32Array, places: number) => array.length / places
/** What one place of a side holds. */
export function placeOf(side: SideBatch, places: number, place: number): PlainSide {
  const part = (array: Int32Array | Float32Array) => {
    const size = width(array, places)
    return [...array.subarray(place * size, (place + 1) * size)]
  }
  return {
    rows: part(side.rows),
    weights: part(side.weights),
    numbers: part(side.numbers),
    present: part(side.present),
  }
}

/** Any text, halves of surrogate pairs included. */
export const anyText = (maxLength: number): fc.Arbitrary<string> =>
  fc.array(fc.nat({ max: 0xffff }), { maxLength }).map((units) => String.fromCharCode(...units))
/** Names that features read, and names that every object has. */
const fieldName = fc.constantFrom(
  ...fullRanker.features.map(({ name }) => name),
  ...['userId', 'constructor', '__proto__', 'toString'],
)
/** Whatever JSON can carry and more, malformed values included. */
const anyValue = fc.oneof(
  anyText(12),
  fc.double(),
  fc.integer({ min: -5, max: 40 }),
  fc.boolean(),
  fc.constantFrom<unknown>(null, undefined, 'drama', 'tv', 1e300, -1e39),
  fc.array(fc.oneof(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 1 })), { maxLength: 6 }),
  fc.jsonValue({ maxDepth: 2 }),
)
export const anyFeatures: fc.Arbitrary<FeatureValues> = fc.dictionary(
  fieldName,
  anyValue as fc.Arbitrary<FeatureValue>,
  {
    maxKeys: 8,
  },
)
const anyCounts = fc.dictionary(fc.constantFrom('click', 'buy', 'like', 'constructor'), fc.nat(), { maxKeys: 3 })
const anyTally: fc.Arbitrary<Tally | null> = fc.option(
  fc.record(
    {
      impressions: fc.nat(),
      feedback: anyCounts,
      lastImpressionAtMs: fc.option(fc.integer({ min: 0, max: 2 * now })),
      days: fc.array(
        fc.record({ day: fc.integer({ min: 19_980, max: 20_002 }), impressions: fc.nat(), feedback: anyCounts }),
        {
          maxLength: 4,
        },
      ),
    },
    { requiredKeys: ['impressions', 'feedback', 'lastImpressionAtMs'] },
  ),
)
const anyHistoryItem: fc.Arbitrary<HistoryItem> = fc.record({
  itemId: fc.string(),
  occurredAtMs: fc.integer(),
  kind: fc.constantFrom('click', 'like'),
  features: anyFeatures,
})
export const anyCandidate: fc.Arbitrary<Candidate> = fc.record({
  itemId: fc.string(),
  features: anyFeatures,
  tally: anyTally,
  userItemTally: anyTally,
})
export const anyInput = (candidates: { minLength: number; maxLength: number }): fc.Arbitrary<RankingInput> =>
  fc.record({
    userId: fc.string(),
    occurredAtMs: fc.integer({ min: now - 10 * dayMs, max: now }),
    user: anyFeatures,
    context: anyFeatures,
    history: fc.array(anyHistoryItem, { maxLength: 6 }),
    userTally: anyTally,
    candidates: fc.array(anyCandidate, candidates),
  })
