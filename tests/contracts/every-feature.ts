import type { Batch } from '../../models/spec/batch.ts'
import { defineRanker } from '../../models/spec/define-ranker.ts'
import { createEncoder, emptyBatch } from '../../models/spec/encoder.ts'
import type { RankingInput } from '../../models/spec/slate.ts'

/** A ranker that looks at everything a storage keeps. */
export const everyFeature = defineRanker({
  name: 'every-feature',
  impressions: 'explicit',
  features: [
    { kind: 'categorical', name: 'userId', scope: 'user', rows: { buckets: 97 }, isId: true },
    { kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 97 }, isId: true },
    { kind: 'categorical', name: 'genre', scope: 'item', rows: { vocabulary: ['drama', 'comedy'] } },
    { kind: 'categorical', name: 'device', scope: 'context', rows: { buckets: 31 } },
    { kind: 'categories', name: 'tags', scope: 'item', rows: { buckets: 31 }, maxValues: 3 },
    { kind: 'text', name: 'title', scope: 'item', rows: { buckets: 97 }, maxTokens: 4 },
    { kind: 'text', name: 'query', scope: 'context', rows: { buckets: 97 }, maxTokens: 4 },
    { kind: 'numeric', name: 'price', scope: 'item', scale: 'standard' },
    { kind: 'numeric', name: 'age', scope: 'user', scale: 'log' },
    { kind: 'numeric', name: 'length', scope: 'item', scale: 'buckets' },
    { kind: 'counters', name: 'userWeek', of: 'user', feedback: ['click', 'like'], windowDays: 7 },
    { kind: 'counters', name: 'itemEver', of: 'item', feedback: ['click'] },
    { kind: 'counters', name: 'itemDay', of: 'item', feedback: ['click', 'like'], windowDays: 1 },
    { kind: 'counters', name: 'pairWeek', of: 'user-item', feedback: ['click'], windowDays: 7 },
    { kind: 'history', name: 'recent', length: 5, items: ['itemId', 'genre'] },
    { kind: 'history', name: 'liked', length: 3, items: ['genre'], feedback: ['like'] },
  ],
  tasks: [{ name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: 1_000, scoreWeight: 1 }],
})

const encoder = createEncoder(everyFeature, {
  rates: { click: 0.2, like: 0.05 },
  numbers: { length: { mean: 20, deviation: 10, edges: [0, 10, 20, 30], codeMeans: [0.9, 0.5, 0.1] } },
})

/** All bytes that a model would see. */
export function bytesOf(input: RankingInput): Buffer {
  const { request, candidate, mask }: Batch = encoder.encode(
    [input],
    emptyBatch(encoder.layout, { requests: 1, candidates: input.candidates.length }),
  )
  const sides = [request, candidate].flatMap((side) => [side.rows, side.weights, side.numbers, side.present])
  return Buffer.concat(
    [...sides, mask].map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
  )
}
