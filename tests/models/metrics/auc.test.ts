import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { auc, aucStandardError, gauc } from '../../../models/metrics/auc.ts'
import {
  assertNear,
  byHand,
  byHandUsers,
  isNear,
  type Row,
  rows,
  scoredOf,
  shuffledRows,
  usersOf,
} from './scored-rows.ts'

/** The share of pairs of a positive and a negative that are in order, ties one half. */
function pairedAuc(of: readonly Row[]): number {
  const pairs = of
    .filter(({ label }) => label === 1)
    .flatMap((positive) => of.filter(({ label }) => label === 0).map((negative) => positive.score - negative.score))
  const inOrder = pairs.reduce((sum, gap) => sum + (gap > 0 ? 1 : gap === 0 ? 0.5 : 0), 0)
  return inOrder / pairs.length
}

test('AUC of five rows is the 4.5 of 6 pairs that are in order', () => {
  assert.equal(auc(byHand), 0.75)
})

test('AUC is 1 for a perfect order, 0 for its reverse, and one half where all scores are equal', () => {
  const labels = [0, 0, 1, 1]

  assert.equal(auc({ labels, scores: [0.1, 0.2, 0.3, 0.4] }), 1)
  assert.equal(auc({ labels, scores: [0.4, 0.3, 0.2, 0.1] }), 0)
  assert.equal(auc({ labels, scores: [7, 7, 7, 7] }), 0.5)
})

test('AUC is not a number where a class is missing or there are no rows', () => {
  assert.equal(auc({ labels: [1, 1], scores: [0.1, 0.2] }), Number.NaN)
  assert.equal(auc({ labels: [0], scores: [0.1] }), Number.NaN)
  assert.equal(auc({ labels: [], scores: [] }), Number.NaN)
})

test('a score that is not a number makes AUC not a number', () => {
  assert.equal(auc({ labels: [0, 1, 1], scores: [0.1, Number.NaN, 0.2] }), Number.NaN)
})

test('infinite scores have their place at the ends of the order', () => {
  const [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]

  assert.equal(auc({ labels: [0, 0, 1, 1], scores: [low, low, high, high] }), 1)
  assert.equal(auc({ labels: [0, 1, 1], scores: [high, high, 0] }), 0.25)
})

test('AUC equals the count of pairs, ties included', () => {
  fc.assert(fc.property(rows(30), (of) => isNear(auc(scoredOf(of)), pairedAuc(of))))
})

test('AUC does not depend on the order of rows', () => {
  fc.assert(
    fc.property(shuffledRows(30), ({ given, shuffled }) => isNear(auc(scoredOf(given)), auc(scoredOf(shuffled)), 0)),
  )
})

test('AUC depends on the order of scores alone, and turning it round turns AUC round', () => {
  fc.assert(
    fc.property(rows(30), (of) => {
      const { labels, scores } = scoredOf(of)
      const known = auc({ labels, scores })
      return (
        isNear(auc({ labels, scores: scores.map((score) => Math.exp(3 * score) - 5) }), known, 0) &&
        isNear(auc({ labels, scores: scores.map((score) => -score) }), 1 - known)
      )
    }),
  )
})

test('the standard error of an AUC of 0.8 of 10 positives and 20 negatives follows from its two probabilities', () => {
  // Two positives above one negative: 0.8 / 1.2 = 2/3. One positive above two negatives: 1.28 / 1.8 = 0.7111.
  const variance = (0.8 * 0.2 + 9 * (2 / 3 - 0.64) + 19 * (1.28 / 1.8 - 0.64)) / 200

  assertNear(aucStandardError(0.8, 10, 20), Math.sqrt(variance))
  assertNear(aucStandardError(0.8, 10, 20), 0.0935711, 5e-8)
})

test('the standard error of an AUC is that of a coin for one pair, and none for a perfect order', () => {
  // One positive and one negative are in order or not, so their AUC is a coin with this variance.
  assertNear(aucStandardError(0.7, 1, 1), Math.sqrt(0.7 * 0.3))
  assert.equal(aucStandardError(1, 10, 10), 0)
})

test('GAUC of two users weighs each by its rows', () => {
  // 1 of 1 pairs over two rows, 1 of 2 pairs over three.
  assert.deepEqual(gauc(byHand, byHandUsers), { gauc: 0.7, users: 2, skipped: 0 })
})

test('GAUC leaves out users with one class and says what share of rows they had', () => {
  const scored = { labels: [...byHand.labels, 1, 1, 0], scores: [...byHand.scores, 0.1, 0.9, 0.5] }

  assert.deepEqual(gauc(scored, [...byHandUsers, 3, 3, 4]), { gauc: 0.7, users: 2, skipped: 0.375 })
})

test('GAUC of no user with both classes is not a number, and all rows are skipped', () => {
  assert.deepEqual(gauc({ labels: [1, 0], scores: [0.5, 0.6] }, [1, 2]), { gauc: Number.NaN, users: 0, skipped: 1 })
  assert.deepEqual(gauc({ labels: [], scores: [] }, []), { gauc: Number.NaN, users: 0, skipped: 0 })
})

test('GAUC does not pass over a user whose scores are not numbers', () => {
  const scores = [0.1, 0.4, Number.NaN, 0.8, 0.3]

  assert.equal(gauc({ labels: byHand.labels, scores }, byHandUsers).gauc, Number.NaN)
})

test('GAUC equals the mean of the AUC of users by their rows', () => {
  fc.assert(
    fc.property(rows(40), (of) => {
      const users = [0, 1, 2, 3]
        .map((user) => of.filter((each) => each.user === user))
        .filter((own) => !Number.isNaN(pairedAuc(own)))
      const weight = users.reduce((sum, own) => sum + own.length, 0)
      const expected = users.reduce((sum, own) => sum + own.length * pairedAuc(own), 0) / weight
      const found = gauc(scoredOf(of), usersOf(of))
      return (
        isNear(found.gauc, expected) && found.users === users.length && isNear(found.skipped, 1 - weight / of.length)
      )
    }),
  )
})

test('GAUC of one user is AUC', () => {
  fc.assert(
    fc.property(rows(30), (of) => {
      const scored = scoredOf(of)
      const users = scored.labels.map(() => 9)
      return isNear(gauc(scored, users).gauc, auc(scored))
    }),
  )
})

test('GAUC does not see what is added to all scores of one user', () => {
  fc.assert(
    fc.property(rows(30), (of) => {
      const moved = of.map((each) => ({ ...each, score: each.score + 4 * each.user }))
      return isNear(gauc(scoredOf(of), usersOf(of)).gauc, gauc(scoredOf(moved), usersOf(of)).gauc)
    }),
  )
})
