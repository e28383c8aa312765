import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type QuantizedTask, refusalsOf } from '../../../pipelines/training/quantization-bounds.ts'

const bounds = { mostScoreChange: 0.02, mostMetricLoss: 0.001 }
const counts = { examples: 1_000, positives: 400, gaucUsers: 5_000, slates: 5_000 }
const metrics = { auc: 0.8, gauc: 0.7, logLoss: 0.5, normalizedEntropy: 0.75, ndcg: 0.6, mrr: 0.5, recall: 0.9 }
const click: QuantizedTask = {
  name: 'click',
  kind: 'binary',
  change: { most: 0.01, mean: 0.001 },
  largestScore: 0.9,
  before: { ...counts, ...metrics },
  after: { ...counts, ...metrics },
}
const watch: QuantizedTask = {
  name: 'watch',
  kind: 'value',
  change: { most: 1, mean: 0.1 },
  largestScore: 100,
  before: { examples: 1_000, mae: 4, rmse: 8 },
  after: { examples: 1_000, mae: 4, rmse: 8 },
}
const changed = (task: QuantizedTask, after: Readonly<Record<string, number>>) => ({
  ...task,
  after: { ...task.after, ...after },
})

test('what changes nothing, or gets better, is not refused', () => {
  assert.deepEqual(refusalsOf(click, bounds), [])
  assert.deepEqual(refusalsOf(changed(click, { auc: 0.9, gauc: 0.9, logLoss: 0.1, ndcg: 1 }), bounds), [])
  assert.deepEqual(refusalsOf(changed(watch, { mae: 1 }), bounds), [])
})

test('a score that changes by more than the bound is refused, and by just the bound is not', () => {
  const at = (most: number) => refusalsOf({ ...click, change: { most, mean: 0 } }, bounds)

  assert.deepEqual(at(0.02), [])
  assert.deepEqual(at(0.0301), ['click: a score changes by 0.0301, more than 0.02'])
})

test('scores of a value task count as a share of the largest', () => {
  const at = (most: number, largestScore = 100) =>
    refusalsOf({ ...watch, change: { most, mean: 0 }, largestScore }, bounds)

  assert.deepEqual(at(2), [])
  assert.deepEqual(at(2.5), ['watch: a score changes by 0.0250 of the largest, more than 0.02'])
  assert.deepEqual(at(2.5, 1_000), [])
  assert.deepEqual(at(0, 0), [])
})

test('each metric that is worse by more than the bound is refused with what it was and is', () => {
  const worse = { auc: 0.79, gauc: 0.69, logLoss: 0.51, normalizedEntropy: 0.76, ndcg: 0.59, mrr: 0.49, recall: 0.89 }

  assert.deepEqual(refusalsOf(changed(click, worse), bounds).sort(), [
    'click: auc goes from 0.8000 to 0.7900, worse by more than 0.001',
    'click: gauc goes from 0.7000 to 0.6900, worse by more than 0.001',
    'click: logLoss goes from 0.5000 to 0.5100, worse by more than 0.001',
    'click: mrr goes from 0.5000 to 0.4900, worse by more than 0.001',
    'click: ndcg goes from 0.6000 to 0.5900, worse by more than 0.001',
    'click: normalizedEntropy goes from 0.7500 to 0.7600, worse by more than 0.001',
    'click: recall goes from 0.9000 to 0.8900, worse by more than 0.001',
  ])
  assert.deepEqual(refusalsOf(changed(click, { auc: 0.7995, logLoss: 0.5005 }), bounds), [])
})

test('errors of a value task count as a share of those of float32', () => {
  assert.deepEqual(refusalsOf(changed(watch, { mae: 4.003, rmse: 8.007 }), bounds), [])
  assert.deepEqual(refusalsOf(changed(watch, { mae: 4.005 }), bounds), [
    'watch: mae goes from 4.0000 to 4.0050, worse by more than 0.001',
  ])
})

test('a task with few of either class is not judged by its metrics', () => {
  const few = (positives: number) => changed({ ...click }, { positives, auc: 0.1 })

  assert.deepEqual(refusalsOf(few(49), bounds), [])
  assert.deepEqual(refusalsOf(few(951), bounds), [])
  assert.equal(refusalsOf(few(50), bounds).length, 1)
  assert.deepEqual(refusalsOf(changed(watch, { examples: 49, mae: 9 }), bounds), [])
})

test('a mean over so few groups that one of them can move it beyond the bound is not judged', () => {
  const over = (groups: number) => changed(click, { gaucUsers: groups, slates: groups, gauc: 0.1, ndcg: 0.1 })

  assert.deepEqual(refusalsOf(over(999), bounds), [])
  assert.equal(refusalsOf(over(1_000), bounds).length, 2)
})

test('what is not finite is refused, unless it was none before', () => {
  const broken = { most: Number.NaN, mean: Number.NaN }

  assert.deepEqual(refusalsOf({ ...click, change: broken }, bounds), ['click: a score is not finite'])
  assert.equal(refusalsOf(changed(click, { auc: Number.NaN }), bounds).length, 1)
  const never = { ...click, before: { ...click.before, ndcg: Number.NaN } }
  assert.deepEqual(refusalsOf(changed(never, { ndcg: Number.NaN }), bounds), [])
})
