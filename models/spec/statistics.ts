import type { RankerDefinition } from './ranker.ts'
import { scaled } from './scale.ts'
import type { SlateExamples } from './slate.ts'

/**
 * What the encoder and the trunk learn from training rows, and only from them. Stored in a version's manifest, so that a
 * version encodes the same for ever.
 */
export interface NumberStatistics {
  readonly mean: number
  /** Standard deviation; 1 where all values are equal. */
  readonly deviation: number
  /** Distinct values among the quantiles 0, 1/16, ... 1, ascending; bins lie between neighbours. */
  readonly edges: readonly number[]
  /** Mean of each bin's piecewise linear code over the training rows; one shorter than `edges`. */
  readonly codeMeans: readonly number[]
}

export interface Statistics {
  /** By number name, request and candidate side alike, of the values after the feature's scale (`log` taken). */
  readonly numbers: Readonly<Record<string, NumberStatistics>>
  /** By feedback kind: share of training impressions that got it; the prior of smoothed rates. */
  readonly rates: Readonly<Record<string, number>>
}

const quantiles = 16

/** Of the present values of one number. All zero and no edges where there is none. */
export function numberStatistics(values: Float64Array): NumberStatistics {
  const count = values.length
  if (count === 0) return { mean: 0, deviation: 1, edges: [], codeMeans: [] }
  const sorted = values.slice().sort()
  let sum = 0
  for (let i = 0; i < count; i++) sum += values[i]!
  const mean = sum / count
  let squares = 0
  for (let i = 0; i < count; i++) squares += (values[i]! - mean) ** 2
  const edges = [...new Set(Array.from({ length: quantiles + 1 }, (_, i) => quantile(sorted, i / quantiles)))]
  let next = 0
  const codeMeans = edges.slice(0, -1).map((low, bin) => {
    const high = edges[bin + 1]!
    let codes = 0
    // Codes of values up to a bin are 0, and of those beyond it 1.
    for (; next < count && sorted[next]! < high; next++) codes += (sorted[next]! - low) / (high - low)
    return (codes + count - next) / count
  })
  // The mean of equal values may be off by a rounding, which is no deviation: all that differs from it would explode.
  const deviation = sorted[0]! < sorted[count - 1]! ? Math.sqrt(squares / count) : 0
  return { mean, deviation: deviation > 0 ? deviation : 1, edges, codeMeans }
}

/** Linear interpolation between the neighbours in rank. */
function quantile(sorted: Float64Array, share: number): number {
  const place = (sorted.length - 1) * share
  const low = Math.floor(place)
  const [below, above] = [sorted[low]!, sorted[Math.ceil(place)]!]
  return below + (above - below) * (place - low)
}

/**
 * What must be known before anything can be encoded: the rates that smooth counters, and the bins of bucketised numbers.
 * Keeps one number a row for each bucketised feature, nothing else.
 */
export function createFirstPass(definition: RankerDefinition): {
  add(slate: SlateExamples): void
  finish(): Statistics
} {
  let impressions = 0
  const kinds = new Set([
    ...definition.features.flatMap((feature) => (feature.kind === 'counters' ? feature.feedback : [])),
    ...definition.tasks.map(({ label }) => label.kind),
  ])
  const counts = new Map<string, number>([...kinds].map((kind) => [kind, 0]))
  const bucketised = definition.features.flatMap((feature) =>
    feature.kind === 'numeric' && feature.scale === 'buckets' ? [{ feature, values: [] as number[] }] : [],
  )
  return {
    add({ input, impressions: shown }) {
      for (const { candidate, feedback } of shown) {
        impressions++
        for (const kind of new Set(feedback.map((each) => each.kind))) {
          if (counts.has(kind)) counts.set(kind, counts.get(kind)! + 1)
        }
        for (const { feature, values } of bucketised) {
          const source = { user: input.user, context: input.context, item: input.candidates[candidate]!.features }[
            feature.scope
          ]
          const value = scaled(source[feature.field ?? feature.name], feature.scale)
          if (value !== null) values.push(value)
        }
      }
    },
    finish: () => ({
      rates: Object.fromEntries([...counts].map(([kind, count]) => [kind, count / Math.max(impressions, 1)])),
      numbers: Object.fromEntries(
        bucketised.map(({ feature, values }) => [feature.name, numberStatistics(Float64Array.from(values))]),
      ),
    }),
  }
}
