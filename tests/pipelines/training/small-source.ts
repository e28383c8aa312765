import { createRandom } from '../../../models/engine/random.ts'
import { defineRanker, type RankerConfig } from '../../../models/spec/define-ranker.ts'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import type { JoinedFeedback, SlateExamples } from '../../../models/spec/slate.ts'
import type { ExampleSource } from '../../../pipelines/training/ports.ts'

/** A ranker that learns in a moment. */
export const rankerWith = (training: RankerConfig['training'] = {}): RankerDefinition =>
  defineRanker({
    name: 'small',
    features: [
      { kind: 'categorical', name: 'userId', scope: 'user', rows: { buckets: 64 }, isId: true },
      { kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 64 }, isId: true },
      { kind: 'categorical', name: 'genre', scope: 'item', rows: { buckets: 8 } },
      { kind: 'numeric', name: 'price', scope: 'item', scale: 'standard' },
      { kind: 'numeric', name: 'band', scope: 'item', field: 'price', scale: 'buckets' },
      { kind: 'counters', name: 'seen', of: 'item', feedback: ['click'] },
    ],
    tasks: [
      { name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: 1_000, scoreWeight: 1 },
      { name: 'watch', label: { rule: 'value', kind: 'watch', transform: 'log' }, windowMs: 1_000, given: 'click' },
    ],
    architecture: { kind: 'shared-bottom', hidden: 8, tower: 4 },
    trunk: { dimension: 4 },
    training: { batchSize: 64, epochs: 3, rate: 0.005, embeddingRate: 0.02, wideRate: 0.01, ridge: 1, ...training },
  })

export interface World {
  /** Chance of a click on the first of four genres, and on the others. */
  readonly liked?: number
  readonly other?: number
  readonly seed?: number
  atMs?(slate: number): number
}
const perSlate = 4

/** Slates of four items each, all shown; what is clicked is watched. */
export function worldOf(count: number, { liked = 0.9, other = 0.1, seed = 1, atMs = (i) => 1_000 * i }: World = {}) {
  const random = createRandom(seed)
  const pick = (most: number) => Math.floor(random.uniform() * most)
  return Array.from({ length: count }, (_, i): SlateExamples => {
    const occurredAtMs = atMs(i)
    const first = pick(40)
    const shown = Array.from({ length: perSlate }, (_, k) => (first + k) % 40)
    return {
      slateId: `s${i}`,
      input: {
        ...{ userId: `u${pick(20)}`, occurredAtMs, user: {}, context: {}, history: [], userTally: null },
        candidates: shown.map((item) => ({
          itemId: `i${item}`,
          features: { genre: `g${item % 4}`, price: pick(100) },
          tally: { impressions: pick(9), feedback: { click: pick(4) }, lastImpressionAtMs: occurredAtMs - 5_000 },
          userItemTally: null,
        })),
      },
      impressions: shown.map((item, position) => ({
        candidate: position,
        position,
        feedback: random.uniform() < (item % 4 === 0 ? liked : other) ? watched(occurredAtMs + 1, pick(30)) : [],
      })),
      watermarkMs: Number.MAX_SAFE_INTEGER,
    }
  })
}

const watched = (occurredAtMs: number, value: number): JoinedFeedback[] => [
  { kind: 'click', value: null, occurredAtMs },
  { kind: 'watch', value, occurredAtMs },
]

export const countOf = (slates: readonly SlateExamples[]): number =>
  slates.reduce((sum, { impressions }) => sum + impressions.length, 0)

/** Slates in time order, in pages of 50. */
export const sourceOf = (slates: readonly SlateExamples[]): ExampleSource => ({
  range: async () =>
    slates.length === 0
      ? null
      : {
          fromMs: slates[0]!.input.occurredAtMs,
          toMs: slates.at(-1)!.input.occurredAtMs + 1,
          impressions: countOf(slates),
        },
  async *read() {
    for (let from = 0; from < slates.length; from += 50) yield slates.slice(from, from + 50)
  },
})
