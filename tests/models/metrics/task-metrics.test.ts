import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type TaskRows, taskMetrics, valueErrors } from '../../../models/metrics/task-metrics.ts'
import { assertNear, byHand, byHandUsers } from './scored-rows.ts'

const task: TaskRows = { ...byHand, users: byHandUsers, groups: [0, 0, 1, 1, 1], baseRate: 0.5 }

test('a binary task is measured by every metric there is', () => {
  const expected: Record<string, number> = {
    examples: 5,
    positives: 3,
    auc: 0.75,
    gauc: 0.7,
    gaucUsers: 2,
    gaucSkipped: 0,
    logLoss: 0.5919186,
    normalizedEntropy: 0.8539581,
    calibrationError: 0.24,
    calibrationRatio: 2 / 3,
    // Slate 0 is in order; slate 1 has a negative between its two positives.
    ndcg: (1 + 1.5 / (1 + 1 / Math.log2(3))) / 2,
    mrr: 1,
    recall: 1,
    slates: 2,
  }

  const found = taskMetrics('binary', task)

  assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort())
  for (const [name, value] of Object.entries(expected)) assertNear(found[name]!, value, 5e-8)
})

test('users and slates group rows apart from each other', () => {
  const found = taskMetrics('binary', { ...task, groups: [0, 1, 2, 3, 4] })

  assert.equal(found.gauc, 0.7)
  assert.equal(found.slates, 0)
  assert.equal(found.mrr, Number.NaN)
})

test('a value task is measured by its errors', () => {
  const found = taskMetrics('value', { ...task, labels: [1, 2, 4, 0, 0], scores: [2, 2, 1, 0, 0] })

  assert.deepEqual(found, { examples: 5, mae: 4 / 5, rmse: Math.sqrt(2) })
})

test('a large error weighs more in the squared error than in the absolute one', () => {
  assert.deepEqual(valueErrors({ labels: [0, 0], scores: [-1, 1] }), { mae: 1, rmse: 1 })
  assert.deepEqual(valueErrors({ labels: [0, 0], scores: [0, 2] }), { mae: 1, rmse: Math.SQRT2 })
})

test('without rows a task has no errors to show', () => {
  assert.deepEqual(valueErrors({ labels: [], scores: [] }), { mae: Number.NaN, rmse: Number.NaN })
})
