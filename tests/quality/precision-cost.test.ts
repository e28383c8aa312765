import assert from 'node:assert/strict'
import { test } from 'node:test'
import { costsOf, movementOf, type Pair, type Run, reportOf, spreadOf } from './precision-cost.ts'

const runOf = (auc: number, scores: readonly number[]): Run => ({
  metrics: {
    like: { auc, normalizedEntropy: auc - 0.5, calibrationError: 0.25, positives: 50, examples: 100, gauc: 1 },
  },
  scores: Float32Array.from(scores),
})
const pairs: readonly Pair[] = [
  { float32: runOf(0.75, [0, 0.5]), bfloat16: runOf(0.625, [0.25, 0.5]) },
  { float32: runOf(0.875, [0.5, 0]), bfloat16: runOf(0.875, [0.5, 0.75]) },
]

test('a spread is the mean and the deviation of a sample, which one value does not have', () => {
  assert.deepEqual(spreadOf([1, 3, 5]), { mean: 3, deviation: 2 })
  assert.deepEqual(spreadOf([7]), { mean: 7, deviation: Number.NaN })
})

test('the difference is of fits of one seed, so what the seeds differ in does not count', () => {
  const steady = [0.5, 0.75, 1].map((auc) => ({ float32: runOf(auc, [0]), bfloat16: runOf(auc - 0.125, [0]) }))

  const [cost] = costsOf(steady)

  assert.deepEqual(cost!.float32, { mean: 0.75, deviation: 0.25 })
  assert.deepEqual(cost!.bfloat16, { mean: 0.625, deviation: 0.25 })
  assert.deepEqual(cost!.difference, { mean: -0.125, deviation: 0 })
})

test('each task is compared by AUC, normalised entropy and calibration error', () => {
  const names = costsOf(pairs).map(({ task, metric }) => `${task}: ${metric}`)

  assert.deepEqual(names, ['like: AUC', 'like: normalised entropy', 'like: calibration error'])
})

test('scores move by their mean distance, between precisions and from seed to seed', () => {
  assert.deepEqual(movementOf(pairs), { byPrecision: 0.25, bySeed: 0.5 })
  assert.deepEqual(movementOf(pairs.slice(0, 1)), { byPrecision: 0.125, bySeed: Number.NaN })
})

test('the report signs differences, and says what a sample of this size can tell', () => {
  const report = reportOf(pairs)

  const [, , auc, , calibration] = report.split('\n')
  assert.equal(auc, '| like | AUC | 0.81250 ±0.08839 | 0.75000 ±0.17678 | -0.06250 ±0.08839 |')
  assert.match(calibration!, /\| \+0\.00000 ±0\.00000 \|$/)
  // Hanley and McNeil at AUC 0.75 with 50 positives of 100: q1 0.6, q2 9/14.
  assert.match(report, /Sampling error of an AUC: like 0\.0488\./)
})

test('the report of one seed names no deviation, and nothing between seeds', () => {
  const report = reportOf(pairs.slice(0, 1))

  assert.match(report, /\| like \| AUC \| 0\.75000 \| 0\.62500 \| -0\.12500 \|/)
  assert.match(report, /Scores lie 0\.1250 apart between the precisions\.$/)
})
