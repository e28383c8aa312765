import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultGateLimits, gate, type TaskEvidence } from '../../../pipelines/promotion/gate.ts'

const click: TaskEvidence = {
  task: 'click',
  known: 1000,
  positives: 400,
  challengerEntropy: 0.8,
  difference: { low: -0.01, mean: 0, high: 0.01 },
}
const decide = (...evidence: TaskEvidence[]) => gate(evidence, defaultGateLimits)

test('a challenger within noise of the active version is promoted, with a line for each task', () => {
  const verdict = decide(click, { ...click, task: 'like' })

  assert.equal(verdict.promote, true)
  assert.equal(verdict.reasons.length, 3)
})

test('a task that is worse beyond noise and tolerance refuses the challenger and is named', () => {
  const verdict = decide(click, { ...click, task: 'like', difference: { low: 0.003, mean: 0.02, high: 0.03 } })

  assert.equal(verdict.promote, false)
  assert.match(verdict.reasons[1]!, /^like: refused, worse beyond noise/)
})

test('a mean that looks worse refuses nothing while its interval reaches the tolerance', () => {
  assert.equal(decide({ ...click, difference: { low: 0.002, mean: 0.02, high: 0.04 } }).promote, true)
})

test('a first version must beat the training base rates', () => {
  assert.equal(decide({ ...click, difference: null }).promote, true)
  assert.equal(decide({ ...click, difference: null, challengerEntropy: 1.01 }).promote, false)
})

test('a rare task is shown, not judged, whatever its numbers', () => {
  const rare = {
    ...click,
    task: 'follow',
    positives: 30,
    challengerEntropy: 3,
    difference: { low: 1, mean: 2, high: 3 },
  }
  const verdict = decide(click, rare)

  assert.equal(verdict.promote, true)
  assert.match(verdict.reasons[1]!, /^follow: not judged, 30 positives of 1000/)
})

test('a number that is not finite refuses, even in a rare task', () => {
  for (const broken of [Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.equal(decide({ ...click, challengerEntropy: broken }).promote, false)
    assert.equal(decide(click, { ...click, positives: 3, challengerEntropy: broken }).promote, false)
    assert.equal(decide({ ...click, difference: { low: broken, mean: 0, high: 0 } }).promote, false)
  }
})

test('where nothing can be judged it says so', () => {
  const verdict = decide({ ...click, positives: 0, known: 10 })

  assert.equal(verdict.promote, true)
  assert.match(verdict.reasons.at(-1)!, /no task has enough of both classes/)
})
