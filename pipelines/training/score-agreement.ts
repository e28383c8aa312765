import type { TaskSpec } from '../../models/spec/tasks.ts'

export interface ScoreChange {
  /** Of absolute differences. */
  readonly most: number
  readonly mean: number
}

/** By task, how far two sets of scores [examples, tasks] are apart. NaN where one of them is. */
export function scoreChanges(
  tasks: readonly TaskSpec[],
  before: Float32Array,
  after: Float32Array,
): Record<string, ScoreChange> {
  const count = before.length / tasks.length
  return Object.fromEntries(
    tasks.map(({ name }, t) => {
      let [most, sum] = [0, 0]
      for (let i = t; i < before.length; i += tasks.length) {
        const difference = Math.abs(after[i]! - before[i]!)
        most = Math.max(most, difference)
        sum += difference
      }
      return [name, { most, mean: count === 0 ? 0 : sum / count }]
    }),
  )
}

/**
 * Share of the pairs of one slate that both sets of scores put into the same order, by the blend that a request gets
 * unless it says otherwise. Pairs that `before` has no order for do not count; NaN where there is no other.
 */
export function sameOrder(
  tasks: readonly TaskSpec[],
  sizes: readonly number[],
  before: Float32Array,
  after: Float32Array,
): number {
  const blends = [before, after].map((scores) => blended(tasks, scores)) as [Float64Array, Float64Array]
  let [same, pairs, from] = [0, 0, 0]
  for (const size of sizes) {
    for (let i = from; i < from + size; i++) {
      for (let j = from; j < i; j++) {
        const [wanted, got] = blends.map((blend) => Math.sign(blend[i]! - blend[j]!)) as [number, number]
        if (wanted === 0) continue
        pairs++
        if (wanted === got) same++
      }
    }
    from += size
  }
  return pairs === 0 ? Number.NaN : same / pairs
}

const blended = (tasks: readonly TaskSpec[], scores: Float32Array) =>
  Float64Array.from({ length: scores.length / tasks.length }, (_, i) =>
    tasks.reduce((sum, { scoreWeight = 0 }, t) => sum + scoreWeight * scores[i * tasks.length + t]!, 0),
  )
