import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TaskSpec } from '../../../models/spec/tasks.ts'
import type { EncodedExamples } from '../../../pipelines/training/encoded-examples.ts'
import { baseRates, evaluate, toScores } from '../../../pipelines/training/evaluate.ts'

const tasks: readonly TaskSpec[] = [
  { name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: 1_000 },
  { name: 'watch', label: { rule: 'value', kind: 'watch' }, windowMs: 1_000 },
]
const none = {
  rows: new Int32Array(),
  weights: new Float32Array(),
  numbers: new Float32Array(),
  present: new Float32Array(),
}
/** Four examples of two users and three slates; the second click and the first watch are unknown. */
const examples: EncodedExamples = {
  count: 4,
  request: none,
  candidate: none,
  labels: Float32Array.of(1, 0, 1, 4, 0, 2, 0, 6),
  known: Float32Array.of(1, 0, 0, 1, 1, 1, 1, 1),
  users: Int32Array.of(0, 0, 0, 1),
  slates: Int32Array.of(0, 0, 1, 2),
}

test('base rates are means over known labels of the rows asked for, 0 where none is known', () => {
  assert.deepEqual(baseRates(tasks, examples, Int32Array.of(0, 1, 2, 3)), [1 / 3, 4])
  assert.deepEqual(baseRates(tasks, examples, Int32Array.of(2, 3)), [0, 4])
  assert.deepEqual(baseRates(tasks, examples, Int32Array.of(0)), [1, 0])
  assert.deepEqual(baseRates(tasks, examples, Int32Array.of()), [0, 0])
})

test('logits become probabilities and values stay, however extreme', () => {
  const scores = toScores(tasks, Float32Array.of(0, 7, Math.log(3), -2, -1e30, 1e30, 1e30, 0))

  assert.deepEqual([...scores], [0.5, 7, 0.75, -2, 0, Math.fround(1e30), 1, 0])
})

test('metrics are over the rows whose label is known, wherever these stand in the slice', () => {
  const rows = Int32Array.of(3, 2, 1, 0)
  const scores = Float32Array.of(0.2, 5, 0.4, 2, 0.9, 4, 0.3, 1)

  const { click, watch } = evaluate(tasks, examples, { rows, scores }, [0.5, 3])

  assert.deepEqual([click!.examples, click!.positives, click!.auc], [3, 1, 0.5])
  assert.equal(click!.gauc, 0)
  assert.deepEqual([watch!.examples, watch!.mae], [3, 1 / 3])
  assert.ok(Math.abs(watch!.rmse! - Math.sqrt(1 / 3)) < 1e-12)
})

test('rows are grouped by their slate for metrics of order', () => {
  const together = { ...examples, slates: Int32Array.of(0, 0, 0, 0) }
  const [rows, scores] = [Int32Array.of(0, 1, 2, 3), Float32Array.of(0.3, 0, 0, 0, 0.9, 0, 0.2, 0)]

  const apart = evaluate(tasks, examples, { rows, scores }, [0.5, 3])
  const joint = evaluate(tasks, together, { rows, scores }, [0.5, 3])

  assert.deepEqual([apart.click!.slates, joint.click!.slates, joint.click!.mrr], [0, 1, 0.5])
})
