import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ndcg, rankingMetrics, recall, reciprocalRank } from '../../../models/metrics/ranking.ts'
import { assertNear, isNear, type Row, rows, scoredOf, shuffledRows, usersOf } from './scored-rows.ts'

function permutations<Value>(values: readonly Value[]): Value[][] {
  if (values.length === 0) return [[]]
  return values.flatMap((first, i) =>
    permutations([...values.slice(0, i), ...values.slice(i + 1)]).map((rest) => [first, ...rest]),
  )
}

/** Mean of a measure of ranked labels over all orders of the rows that their scores allow. */
function overOrders(of: readonly Row[], measure: (ranked: readonly number[]) => number): number {
  const allowed = permutations(of).filter((order) =>
    order.every((row, i) => i === 0 || order[i - 1]!.score >= row.score),
  )
  return allowed.reduce((sum, order) => sum + measure(order.map(({ label }) => label)), 0) / allowed.length
}

const gainOf = (ranked: readonly number[], k: number) =>
  ranked.slice(0, k).reduce((sum, label, i) => sum + label / Math.log2(i + 2), 0)
const plainNdcg = (k: number) => (ranked: readonly number[]) =>
  gainOf(ranked, k) /
  gainOf(
    [...ranked].sort((a, b) => b - a),
    k,
  )
const plainReciprocalRank = (ranked: readonly number[]) => 1 / (ranked.indexOf(1) + 1)
const plainRecall = (k: number) => (ranked: readonly number[]) =>
  ranked.slice(0, k).filter((label) => label === 1).length / ranked.filter((label) => label === 1).length

const smallGroup = rows(6).filter((of) => of.some(({ label }) => label === 1))
const depth = fc.integer({ min: 1, max: 7 })
const few = { numRuns: 60 }

test('NDCG of a graded list is its gain over that of the best order', () => {
  const labels = [10, 0, 0, 1, 5]
  // In order of score 5, 1, 0, 0, 10: (5 + 1 / log2 3 + 10 / log2 6) / (10 + 5 / log2 3 + 1 / 2)
  const scores = [0.1, 0.2, 0.3, 4, 70]

  assertNear(ndcg({ labels, scores }), 0.6956940443813076)
  assertNear(ndcg({ labels, scores }, 2), (5 + 1 / Math.log2(3)) / (10 + 5 / Math.log2(3)))
})

test('NDCG at 1 of two tied items is the mean of their gains', () => {
  assert.equal(ndcg({ labels: [10, 0, 0, 1, 5], scores: [1, 0, 0, 0, 1] }, 1), 0.75)
})

test('NDCG is 1 for the best order, and looks at ten ranks unless told', () => {
  const labels = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
  const scores = labels.map((_, i) => -i)

  assert.equal(ndcg({ labels: [1, 1, 0], scores: [3, 2, 1] }), 1)
  assert.equal(ndcg({ labels, scores }), 0)
  assertNear(ndcg({ labels, scores }, 11), 1 / Math.log2(12))
})

test('the reciprocal rank is that of the first positive', () => {
  assert.equal(reciprocalRank({ labels: [0, 1, 0, 1], scores: [0.9, 0.1, 0.8, 0.7] }), 1 / 3)
})

test('the reciprocal rank in a tie is its mean over the orders of the tie', () => {
  assert.equal(reciprocalRank({ labels: [1, 0], scores: [1, 1] }), (1 + 1 / 2) / 2)
  // Two positives of three: the first is at rank 1 in two of three orders, else at rank 2.
  assertNear(reciprocalRank({ labels: [1, 0, 1], scores: [1, 1, 1] }), 2 / 3 + 1 / 3 / 2)
  // The tie starts at rank 2.
  assertNear(reciprocalRank({ labels: [0, 1, 0], scores: [2, 1, 1] }), (1 / 2 + 1 / 3) / 2)
})

test('recall is the share of positives among the first ranks', () => {
  const group = { labels: [1, 0, 1, 1], scores: [4, 3, 2, 1] }

  assert.equal(recall(group, 1), 1 / 3)
  assert.equal(recall(group, 3), 2 / 3)
  assert.equal(recall(group), 1)
})

test('recall counts a tie at the cut by the share of it that fits', () => {
  assert.equal(recall({ labels: [0, 1, 0, 0], scores: [2, 1, 1, 1] }, 2), 1 / 3)
})

test('a group without a positive, or with a score that is not a number, is not measured', () => {
  for (const measure of [ndcg, reciprocalRank, recall]) {
    assert.equal(measure({ labels: [0, 0], scores: [0.1, 0.2] }), Number.NaN)
    assert.equal(measure({ labels: [], scores: [] }), Number.NaN)
    assert.equal(measure({ labels: [1, 0], scores: [0.1, Number.NaN] }), Number.NaN)
  }
})

test('NDCG equals its mean over all orders that the scores allow', () => {
  fc.assert(
    fc.property(smallGroup, depth, (of, k) => isNear(ndcg(scoredOf(of), k), overOrders(of, plainNdcg(k)))),
    few,
  )
})

test('the reciprocal rank equals its mean over all orders that the scores allow', () => {
  fc.assert(
    fc.property(smallGroup, (of) => isNear(reciprocalRank(scoredOf(of)), overOrders(of, plainReciprocalRank))),
    few,
  )
})

test('recall equals its mean over all orders that the scores allow', () => {
  fc.assert(
    fc.property(smallGroup, depth, (of, k) => isNear(recall(scoredOf(of), k), overOrders(of, plainRecall(k)))),
    few,
  )
})

test('ranking measures do not depend on the order of rows, nor on the scale of scores', () => {
  fc.assert(
    fc.property(shuffledRows(30), ({ given, shuffled }) => {
      const [one, other] = [scoredOf(given), scoredOf(shuffled)]
      const stretched = { labels: other.labels, scores: other.scores.map((score) => Math.exp(5 * score) - 40) }
      return [ndcg, reciprocalRank, recall].every((measure) => isNear(measure(one), measure(stretched)))
    }),
  )
})

test('means over slates count each slate once, and only slates with a positive and a negative', () => {
  const labels = [0, 1, 1, 0, 1, 0, 1, 0, 0]
  const scores = [0.9, 0.8, 0.2, 0.1, 0.5, 0.5, 0.3, 0.4, 0.4]
  // Slate 5: the positive second of two; 4: first of two; 6: all positive; 7: one item; 8: no positive.
  const groups = [5, 5, 4, 4, 6, 7, 6, 8, 8]

  const found = rankingMetrics({ labels, scores }, groups)

  assert.equal(found.slates, 2)
  assert.equal(found.mrr, (1 + 1 / 2) / 2)
  assertNear(found.ndcg, (1 + 1 / Math.log2(3)) / 2)
  assert.equal(found.recall, 1)
})

test('means over no slate are not numbers', () => {
  const found = rankingMetrics({ labels: [1, 0], scores: [0.2, 0.1] }, [1, 2])

  assert.deepEqual(found, { ndcg: Number.NaN, mrr: Number.NaN, recall: Number.NaN, slates: 0 })
})

test('means over slates are the means of the measures of each', () => {
  fc.assert(
    fc.property(rows(40), (of) => {
      const slates = [0, 1, 2, 3]
        .map((slate) => of.filter(({ user }) => user === slate))
        .filter((own) => new Set(own.map(({ label }) => label)).size === 2)
      const mean = (measure: (group: { labels: number[]; scores: number[] }) => number) =>
        slates.reduce((sum, own) => sum + measure(scoredOf(own)), 0) / slates.length
      const found = rankingMetrics(scoredOf(of), usersOf(of))
      return (
        isNear(found.ndcg, mean(ndcg)) &&
        isNear(found.mrr, mean(reciprocalRank)) &&
        isNear(found.recall, mean(recall)) &&
        found.slates === slates.length
      )
    }),
  )
})
