/** Scores with labels (0 or 1), row by row. */
export interface Scored {
  readonly labels: ArrayLike<number>
  readonly scores: ArrayLike<number>
}

export function hasNaN(scores: ArrayLike<number>): boolean {
  for (let i = 0; i < scores.length; i++) if (Number.isNaN(scores[i])) return true
  return false
}

/** Indices by ascending score; no score may be NaN, which has no place in an order. */
export const byScore = (scores: ArrayLike<number>): Uint32Array =>
  Uint32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!)

export function hasBothClasses(labels: ArrayLike<number>): boolean {
  let positives = 0
  for (let i = 0; i < labels.length; i++) if (labels[i] === 1) positives++
  return positives > 0 && positives < labels.length
}

/** The rows of each group, groups in the order in which they first appear. */
export function rowsByGroup(groups: ArrayLike<number>): readonly (readonly number[])[] {
  const rows = new Map<number, number[]>()
  for (let row = 0; row < groups.length; row++) {
    const own = rows.get(groups[row]!)
    if (own === undefined) rows.set(groups[row]!, [row])
    else own.push(row)
  }
  return [...rows.values()]
}

/** Some rows alone, in the order given. */
export const only = ({ labels, scores }: Scored, rows: readonly number[]): Scored => ({
  labels: rows.map((row) => labels[row]!),
  scores: rows.map((row) => scores[row]!),
})
