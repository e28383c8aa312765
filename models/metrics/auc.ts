import { byScore, hasBothClasses, hasNaN, only, rowsByGroup, type Scored } from './scored.ts'

/**
 * Mann-Whitney: the chance that a positive scores above a negative, ties one half. NaN where a class is missing or a score
 * is NaN.
 */
export function auc({ labels, scores }: Scored): number {
  if (hasNaN(scores)) return Number.NaN
  const order = byScore(scores)
  let [positives, negatives, above] = [0, 0, 0]
  for (let from = 0; from < order.length; ) {
    let [to, tiedPositives, tiedNegatives] = [from, 0, 0]
    while (to < order.length && scores[order[to]!] === scores[order[from]!]) {
      if (labels[order[to]!] === 1) tiedPositives++
      else tiedNegatives++
      to++
    }
    above += tiedPositives * (negatives + tiedNegatives / 2)
    positives += tiedPositives
    negatives += tiedNegatives
    from = to
  }
  return positives === 0 || negatives === 0 ? Number.NaN : above / (positives * negatives)
}

/** Standard error of an AUC from its sample's size (Hanley and McNeil 1982). */
export function aucStandardError(value: number, positives: number, negatives: number): number {
  const [q1, q2] = [value / (2 - value), (2 * value * value) / (1 + value)]
  const variance = value * (1 - value) + (positives - 1) * (q1 - value * value) + (negatives - 1) * (q2 - value * value)
  return Math.sqrt(variance / (positives * negatives))
}

export interface GroupedAuc {
  /**
   * Impression-weighted mean of per-user AUC over users having both classes (Zhou et al., DIN, KDD 2018). NaN where there is
   * none, or a score is NaN.
   */
  readonly gauc: number
  readonly users: number
  /** Share of impressions of users with one class only. */
  readonly skipped: number
}

export function gauc(scored: Scored, users: ArrayLike<number>): GroupedAuc {
  const count = scored.labels.length
  let [sum, weight, counted] = [0, 0, 0]
  for (const own of rowsByGroup(users)) {
    const rows = only(scored, own)
    if (!hasBothClasses(rows.labels)) continue
    const value = auc(rows)
    sum += own.length * value
    weight += own.length
    counted++
  }
  return {
    gauc: weight === 0 ? Number.NaN : sum / weight,
    users: counted,
    skipped: count === 0 ? 0 : 1 - weight / count,
  }
}
