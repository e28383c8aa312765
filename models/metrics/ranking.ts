import { byScore, hasNaN, only, rowsByGroup, type Scored } from './scored.ts'

/*
 * Measures of one group: the items of one slate that were shown, with their labels and scores. Rank 1 is the highest
 * score. Items of equal score have no order, so each measure is its mean over all orders of them, in closed form (McSherry
 * and Najork, ECIR 2008): neither the order of rows nor of candidates changes it, and constant scores earn what chance
 * does. NaN where the group has no positive, and where a score is NaN.
 */

/** How far down `ndcg` and `recall` look unless told. */
const defaultDepth = 10

interface Tie {
  /** How many rows score higher. */
  readonly above: number
  readonly rows: readonly number[]
}

/** Rows of equal score together, highest first. */
function tiesOf(scores: ArrayLike<number>): readonly Tie[] {
  const ties: { above: number; rows: number[] }[] = []
  byScore(scores)
    .reverse()
    .forEach((row, above) => {
      const last = ties.at(-1)
      if (last !== undefined && scores[last.rows[0]!] === scores[row]) last.rows.push(row)
      else ties.push({ above, rows: [row] })
    })
  return ties
}

const isMeasurable = ({ labels, scores }: Scored) => positivesOf(labels) > 0 && !hasNaN(scores)
const positivesOf = (labels: ArrayLike<number>) =>
  Array.from(labels).reduce((sum, label) => (label > 0 ? sum + 1 : sum), 0)
const discount = (rank: number) => 1 / Math.log2(1 + rank)

/**
 * Normalised discounted cumulative gain: DCG@k / ideal DCG@k, where DCG@k is the sum over ranks 1 to k of label / log2(1 +
 * rank), and the ideal ranks by label (Järvelin and Kekäläinen 2002, with the discount of Burges et al. 2005, which starts
 * at rank 1). Labels may be graded.
 */
export function ndcg(group: Scored, k = defaultDepth): number {
  if (!isMeasurable(group)) return Number.NaN
  const { labels, scores } = group
  const best = Float64Array.from(labels).sort().reverse().subarray(0, k)
  const ideal = best.reduce((sum, label, i) => sum + label * discount(i + 1), 0)
  let gained = 0
  for (const { above, rows } of tiesOf(scores)) {
    const gain = rows.reduce((sum, row) => sum + labels[row]!, 0) / rows.length
    for (let rank = above + 1; rank <= Math.min(above + rows.length, k); rank++) gained += gain * discount(rank)
  }
  return gained / ideal
}

/** 1 / rank of the first positive (Voorhees, TREC-8 question answering track, 1999). */
export function reciprocalRank(group: Scored): number {
  if (!isMeasurable(group)) return Number.NaN
  const { labels, scores } = group
  const { above, rows } = tiesOf(scores).find(({ rows }) => rows.some((row) => labels[row]! > 0))!
  const positives = rows.filter((row) => labels[row]! > 0).length
  let [expected, isFirst] = [0, positives / rows.length]
  // isFirst: the chance that the first positive is at this place of the tie, the earlier places all being negatives.
  for (let place = 1; place <= rows.length - positives + 1; place++) {
    expected += isFirst / (above + place)
    isFirst *= (rows.length - place - positives + 1) / (rows.length - place)
  }
  return expected
}

/** Positives among the first k over all positives. */
export function recall(group: Scored, k = defaultDepth): number {
  if (!isMeasurable(group)) return Number.NaN
  const { labels, scores } = group
  const found = tiesOf(scores).reduce((sum, { above, rows }) => {
    const positives = rows.filter((row) => labels[row]! > 0).length
    return sum + (positives * Math.min(Math.max(k - above, 0), rows.length)) / rows.length
  }, 0)
  return found / positivesOf(labels)
}

export interface RankingMetrics {
  /** Means over groups, each group counting once: NDCG@10, mean reciprocal rank, recall@10. NaN where there is no group. */
  readonly ndcg: number
  readonly mrr: number
  readonly recall: number
  /** Groups that the means are over. */
  readonly slates: number
}

/** Over groups with a positive and a negative: elsewhere every order is as good as any other. */
export function rankingMetrics(scored: Scored, groups: ArrayLike<number>): RankingMetrics {
  const measured = rowsByGroup(groups)
    .map((rows) => only(scored, rows))
    .filter(({ labels }) => positivesOf(labels) > 0 && positivesOf(labels) < labels.length)
  const mean = (measure: (group: Scored) => number) =>
    measured.reduce((sum, group) => sum + measure(group), 0) / measured.length
  return { ndcg: mean(ndcg), mrr: mean(reciprocalRank), recall: mean(recall), slates: measured.length }
}
