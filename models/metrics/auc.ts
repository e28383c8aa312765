/** Scores with labels (0 or 1), row by row. */
export interface Scored {
  readonly labels: ArrayLike<number>
  readonly scores: ArrayLike<number>
}

/** Indices by ascending score. */
export const byScore = (scores: ArrayLike<number>): Uint32Array =>
  Uint32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!)

/** Mann-Whitney: the chance that a positive scores above a negative, ties one half. NaN where a class is missing. */
export function auc({ labels, scores }: Scored): number {
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
  /** Impression-weighted mean of per-user AUC over users having both classes (Zhou et al., DIN, KDD 2018). NaN where there is none. */
  readonly gauc: number
  readonly users: number
  /** Share of impressions of users with one class only. */
  readonly skipped: number
}

export function gauc({ labels, scores }: Scored, users: ArrayLike<number>): GroupedAuc {
  const rows = new Map<number, number[]>()
  for (let i = 0; i < labels.length; i++) {
    const own = rows.get(users[i]!)
    if (own === undefined) rows.set(users[i]!, [i])
    else own.push(i)
  }
  let [sum, weight, counted] = [0, 0, 0]
  for (const own of rows.values()) {
    const value = auc({ labels: own.map((i) => labels[i]!), scores: own.map((i) => scores[i]!) })
    if (Number.isNaN(value)) continue
    sum += own.length * value
    weight += own.length
    counted++
  }
  return {
    gauc: weight === 0 ? Number.NaN : sum / weight,
    users: counted,
    skipped: labels.length === 0 ? 0 : 1 - weight / labels.length,
  }
}
