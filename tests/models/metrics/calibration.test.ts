import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { calibrationError, calibrationRatio, logLoss, normalizedEntropy } from '../../../models/metrics/calibration.ts'
import { assertNear, byHand, isNear, type Row, rows, scoredOf, shuffledRows } from './scored-rows.ts'

/** By the definition: the bin of a row follows from how many rows have a smaller prediction. */
function binnedError(of: readonly Row[], bins: number): number {
  const binOf = ({ score }: Row) => Math.floor((bins * of.filter((other) => other.score < score).length) / of.length)
  const gaps = Array.from({ length: bins }, (_, bin) => {
    const own = of.filter((each) => binOf(each) === bin)
    return Math.abs(own.reduce((sum, { score, label }) => sum + score - label, 0))
  })
  return gaps.reduce((sum, gap) => sum + gap, 0) / of.length
}

test('log loss of five rows is the mean of their surprises', () => {
  // -(ln 0.9 + ln 0.4 + ln 0.6 + ln 0.8 + ln 0.3) / 5
  assertNear(logLoss(byHand), 0.5919186, 5e-8)
})

test('log loss of a certain mistake is finite', () => {
  assertNear(logLoss({ labels: [1], scores: [0] }), -Math.log(1e-7))
  assertNear(logLoss({ labels: [0], scores: [1] }), -Math.log(1e-7), 1e-8)
})

test('log loss is least at the rate of positives', () => {
  fc.assert(
    fc.property(rows(20), fc.integer({ min: 1, max: 99 }), (of, hundredths) => {
      const { labels } = scoredOf(of)
      const rate = labels.reduce((sum, label) => sum + label, 0) / labels.length
      const at = (score: number) => logLoss({ labels, scores: labels.map(() => score) })
      return at(rate) <= at(hundredths / 100) + 1e-12
    }),
  )
})

test('normalized entropy of knowing only the base rate is 1, and better is below', () => {
  const labels = [0, 1, 0, 1]

  assert.equal(normalizedEntropy({ labels, scores: [0.3, 0.3, 0.3, 0.3] }, 0.3), 1)
  assertNear(normalizedEntropy({ labels, scores: [0.25, 0.75, 0.25, 0.75] }, 0.5), Math.log(0.75) / Math.log(0.5))
})

test('normalized entropy of five rows against a base rate of one half is their log loss in bits', () => {
  assertNear(normalizedEntropy(byHand, 0.5), 0.8539581, 5e-8)
})

test('calibration error of five rows adds up the gaps of their bins', () => {
  // Bins: {0.1}, {0.3}, {0.4, 0.4}, {0.8}, with gaps 0.1, -0.7, -0.2, -0.2.
  assertNear(calibrationError(byHand), 0.24)
})

test('calibration error is 0 where the prediction of each bin is its rate', () => {
  const scores = [0.5, 0.5, 0.5, 0.5, 0.75, 0.75, 0.75, 0.75]

  assert.equal(calibrationError({ labels: [0, 1, 0, 1, 1, 1, 1, 0], scores }), 0)
  assert.equal(calibrationError({ labels: [0, 1, 0, 0, 1, 1, 1, 0], scores }), 1 / 8)
})

test('calibration error in one bin is the gap of the sums', () => {
  assertNear(calibrationError(byHand, 1), 1 / 5)
})

test('calibration error equals its definition, equal predictions sharing a bin', () => {
  fc.assert(
    fc.property(rows(60), fc.integer({ min: 1, max: 20 }), (of, bins) =>
      isNear(calibrationError(scoredOf(of), bins), binnedError(of, bins)),
    ),
  )
})

test('calibration error does not depend on the order of rows', () => {
  fc.assert(
    fc.property(shuffledRows(60), ({ given, shuffled }) =>
      isNear(calibrationError(scoredOf(given)), calibrationError(scoredOf(shuffled))),
    ),
  )
})

test('calibration error is at least the gap of the means, and at most 1', () => {
  fc.assert(
    fc.property(rows(60), (of) => {
      const error = calibrationError(scoredOf(of))
      return (
        error >= Math.abs(of.reduce((sum, { score, label }) => sum + score - label, 0)) / of.length - 1e-12 &&
        error <= 1
      )
    }),
  )
})

test('calibration ratio is the sum of predictions over the sum of labels', () => {
  assertNear(calibrationRatio(byHand), 2 / 3)
  assert.equal(calibrationRatio({ labels: [0, 0], scores: [0.1, 0.2] }), Number.POSITIVE_INFINITY)
})

test('without rows nothing is measured', () => {
  const nothing = { labels: [], scores: [] }

  for (const measure of [logLoss, calibrationError, calibrationRatio]) assert.equal(measure(nothing), Number.NaN)
  assert.equal(normalizedEntropy(nothing, 0.5), Number.NaN)
})

test('a prediction that is not a number makes every measure of probabilities not a number', () => {
  const broken = { labels: [0, 1, 1], scores: [0.1, Number.NaN, 0.2] }

  for (const measure of [logLoss, calibrationError, calibrationRatio]) assert.equal(measure(broken), Number.NaN)
})
