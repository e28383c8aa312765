import type { Random } from '../engine/random.ts'
import { auc } from './auc.ts'
import { byScore, hasBothClasses, hasNaN, only, rowsByGroup, type Scored } from './scored.ts'

/** `mean` is the measure itself; low and high are the 2.5 and 97.5 percentiles of its replicas. */
export interface Interval {
  readonly low: number
  readonly mean: number
  readonly high: number
}

/**
 * 95 % interval of a measure when users, with all their rows, are drawn again with replacement (Efron 1979; rows of one
 * user are not independent). `times[row]` is how often the row's user was drawn; every row once for the mean. Replicas in
 * which the measure is not a number are left out.
 */
export function bootstrapOverUsers(
  users: ArrayLike<number>,
  measure: (times: Float64Array) => number,
  { replicas, random }: { readonly replicas: number; readonly random: Random },
): Interval {
  const index = new Map<number, number>()
  const own = Int32Array.from({ length: users.length }, (_, row) => {
    const place = index.get(users[row]!) ?? index.size
    index.set(users[row]!, place)
    return place
  })
  const times = new Float64Array(users.length).fill(1)
  const mean = measure(times)
  const drawn = new Float64Array(index.size)
  const values: number[] = []
  for (let replica = 0; replica < replicas; replica++) {
    drawn.fill(0)
    for (let i = 0; i < drawn.length; i++) drawn[Math.floor(random.uniform() * drawn.length)]!++
    for (let row = 0; row < times.length; row++) times[row] = drawn[own[row]!]!
    const value = measure(times)
    if (!Number.isNaN(value)) values.push(value)
  }
  values.sort((a, b) => a - b)
  return { low: percentile(values, 0.025), mean, high: percentile(values, 0.975) }
}

/** Linear interpolation between the two nearest of sorted values. */
function percentile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return below === undefined || above === undefined ? Number.NaN : below + (above - below) * (at - Math.floor(at))
}

/**
 * AUC in which each row counts so many times; one pass a call, since the order of the scores is found once. NaN where a
 * class is missing or a score is NaN.
 */
export function createWeightedAuc({ labels, scores }: Scored): (times: ArrayLike<number>) => number {
  if (hasNaN(scores)) return () => Number.NaN
  const order = byScore(scores)
  return (times) => {
    let [positives, negatives, above] = [0, 0, 0]
    for (let from = 0; from < order.length; ) {
      let [to, tiedPositives, tiedNegatives] = [from, 0, 0]
      while (to < order.length && scores[order[to]!] === scores[order[from]!]) {
        if (labels[order[to]!] === 1) tiedPositives += times[order[to]!]!
        else tiedNegatives += times[order[to]!]!
        to++
      }
      above += tiedPositives * (negatives + tiedNegatives / 2)
      positives += tiedPositives
      negatives += tiedNegatives
      from = to
    }
    return positives === 0 || negatives === 0 ? Number.NaN : above / (positives * negatives)
  }
}

/** GAUC in which each user counts so many times; drawing users again does not change the AUC of one. */
export function createWeightedGauc(scored: Scored, users: ArrayLike<number>): (times: ArrayLike<number>) => number {
  const groups = rowsByGroup(users).flatMap((own) => {
    const rows = only(scored, own)
    return hasBothClasses(rows.labels) ? [{ row: own[0]!, weight: own.length, value: auc(rows) }] : []
  })
  return (times) => {
    let [sum, weight] = [0, 0]
    for (const group of groups) {
      sum += times[group.row]! * group.weight * group.value
      weight += times[group.row]! * group.weight
    }
    return weight === 0 ? Number.NaN : sum / weight
  }
}
