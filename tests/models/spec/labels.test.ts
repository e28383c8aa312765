import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { labelsOf } from '../../../models/spec/labels.ts'
import type { JoinedFeedback } from '../../../models/spec/slate.ts'
import type { LabelRule, TaskSpec } from '../../../models/spec/tasks.ts'

const shownAtMs = 1_000_000
const windowMs = 1000
const closed = { shownAtMs, watermarkMs: shownAtMs + windowMs }
const task = (name: string, label: LabelRule, more: Partial<TaskSpec> = {}): TaskSpec => ({
  name,
  label,
  windowMs,
  ...more,
})
const happened = (kind: string): LabelRule => ({ rule: 'happened', kind })
const after = (ms: number, kind: string, value: number | null = null): JoinedFeedback => ({
  kind,
  value,
  occurredAtMs: shownAtMs + ms,
})

function labelled(tasks: readonly TaskSpec[], feedback: readonly JoinedFeedback[], moment = closed) {
  // What was in the arrays before must not show.
  const [labels, known] = [new Float32Array(tasks.length).fill(7), new Float32Array(tasks.length).fill(7)]
  labelsOf(tasks, { feedback }, moment, labels, known)
  return { labels: [...labels], known: [...known] }
}
const labelOf = (label: LabelRule, ...feedback: JoinedFeedback[]) => {
  const { labels, known } = labelled([task('task', label)], feedback)
  assert.deepEqual(known, [1])
  return labels[0]
}

test('feedback of the kind makes the label 1, once or often', () => {
  assert.equal(labelOf(happened('click'), after(5, 'click')), 1)
  assert.equal(labelOf(happened('click'), after(5, 'click'), after(6, 'click')), 1)
})

test('without feedback, or with another kind, the label is 0 and known', () => {
  assert.equal(labelOf(happened('click')), 0)
  assert.equal(labelOf(happened('click'), after(5, 'like', 9)), 0)
})

test('a value that reaches the least makes the label 1', () => {
  const long: LabelRule = { rule: 'atLeast', kind: 'play', value: 10 }

  assert.equal(labelOf(long, after(5, 'play', 10)), 1)
  assert.equal(labelOf(long, after(5, 'play', 9.99)), 0)
  assert.equal(labelOf(long, after(5, 'play', 3), after(6, 'play', 12)), 1)
  assert.equal(labelOf(long, after(5, 'view', 99)), 0)
})

test('feedback without a value reaches no least, not even one below 0', () => {
  assert.equal(labelOf({ rule: 'atLeast', kind: 'play', value: -5 }, after(5, 'play')), 0)
  assert.equal(labelOf({ rule: 'atLeast', kind: 'play', value: -5 }, after(5, 'play', 0)), 1)
})

test('a value task has the value itself, the largest of several', () => {
  const value: LabelRule = { rule: 'value', kind: 'rating' }

  assert.equal(labelOf(value, after(5, 'rating', 3.5)), 3.5)
  assert.equal(labelOf(value, after(5, 'rating', 2), after(6, 'rating', 4), after(7, 'rating', 1)), 4)
  assert.equal(labelOf(value, after(5, 'rating', -3)), -3)
  assert.equal(labelOf(value, after(5, 'rating', -3), after(6, 'rating', -2)), -2)
})

test('a value above the most counts as that, on either scale', () => {
  const value: LabelRule = { rule: 'value', kind: 'play', most: 7 }

  assert.equal(labelOf(value, after(5, 'play', 1e30)), 7)
  assert.equal(labelOf(value, after(5, 'play', 6)), 6)
  assert.equal(labelOf({ ...value, transform: 'log' }, after(5, 'play', 1e30)), Math.fround(Math.log(8)))
})

test('a value task has 0 where there was no feedback, or none with a value', () => {
  const value: LabelRule = { rule: 'value', kind: 'rating' }

  assert.equal(labelOf(value), 0)
  assert.equal(labelOf(value, after(5, 'rating')), 0)
  assert.equal(labelOf(value, after(5, 'rating'), after(6, 'rating', -2)), -2)
})

test('a value task on the log scale has log(1 + value), and 0 below 0', () => {
  const value: LabelRule = { rule: 'value', kind: 'play', transform: 'log' }

  assert.equal(labelOf(value, after(5, 'play', 20)), Math.fround(Math.log(21)))
  assert.equal(labelOf(value, after(5, 'play', -20)), 0)
  assert.equal(labelOf(value), 0)
})

test('feedback counts up to the very end of the window, and not a millisecond later', () => {
  assert.equal(labelOf(happened('click'), after(0, 'click')), 1)
  assert.equal(labelOf(happened('click'), after(windowMs, 'click')), 1)
  assert.equal(labelOf(happened('click'), after(windowMs + 1, 'click')), 0)
  assert.equal(labelOf({ rule: 'value', kind: 'play' }, after(9, 'play', 2), after(windowMs + 1, 'play', 50)), 2)
})

test('a label is known from the moment its window has passed, and before that is 0 whatever has happened', () => {
  const tasks = [task('click', happened('click'))]
  const at = (watermarkMs: number) => labelled(tasks, [after(5, 'click')], { shownAtMs, watermarkMs })

  assert.deepEqual(at(shownAtMs + windowMs), { labels: [1], known: [1] })
  assert.deepEqual(at(shownAtMs + windowMs - 1), { labels: [0], known: [0] })
})

test('each task matures on its own', () => {
  const tasks = [task('click', happened('click')), task('buy', happened('buy'), { windowMs: 1001 })]

  assert.deepEqual(labelled(tasks, [after(5, 'click'), after(6, 'buy')]), { labels: [1, 0], known: [1, 0] })
})

test('a task given another is known only where that one is positive', () => {
  const tasks = [task('click', happened('click')), task('buy', happened('buy'), { given: 'click' })]

  assert.deepEqual(labelled(tasks, [after(5, 'click'), after(6, 'buy')]), { labels: [1, 1], known: [1, 1] })
  assert.deepEqual(labelled(tasks, [after(5, 'click')]), { labels: [1, 0], known: [1, 1] })
  assert.deepEqual(labelled(tasks, [after(6, 'buy')]), { labels: [0, 0], known: [1, 0] })
})

test('a task given another waits for both windows', () => {
  const tasks = [
    task('buy', happened('buy'), { given: 'click', windowMs: 10 }),
    task('click', happened('click'), { windowMs: 2000 }),
  ]
  const feedback = [after(5, 'click'), after(6, 'buy')]

  assert.deepEqual(labelled(tasks, feedback, { shownAtMs, watermarkMs: shownAtMs + 1999 }).known, [0, 0])
  assert.deepEqual(labelled(tasks, feedback, { shownAtMs, watermarkMs: shownAtMs + 2000 }).known, [1, 1])
})

test('the condition is judged by its own window', () => {
  const tasks = [task('click', happened('click'), { windowMs: 10 }), task('buy', happened('buy'), { given: 'click' })]

  assert.deepEqual(labelled(tasks, [after(11, 'click'), after(12, 'buy')]), { labels: [0, 0], known: [1, 0] })
})

test('a chain of conditions holds only where every link does', () => {
  const tasks = [
    task('click', happened('click')),
    task('cart', happened('cart'), { given: 'click' }),
    task('buy', happened('buy'), { given: 'cart' }),
  ]

  assert.deepEqual(labelled(tasks, [after(1, 'click'), after(2, 'cart'), after(3, 'buy')]).known, [1, 1, 1])
  assert.deepEqual(labelled(tasks, [after(2, 'cart'), after(3, 'buy')]).known, [1, 0, 0])
  assert.deepEqual(labelled(tasks, [after(1, 'click'), after(3, 'buy')]).known, [1, 1, 0])
})

test('a value task as a condition holds where its value is above 0', () => {
  const tasks = [task('play', { rule: 'value', kind: 'play' }), task('like', happened('like'), { given: 'play' })]

  assert.deepEqual(labelled(tasks, [after(1, 'play', 0.5), after(2, 'like')]), { labels: [0.5, 1], known: [1, 1] })
  assert.deepEqual(labelled(tasks, [after(1, 'play', 0), after(2, 'like')]), { labels: [0, 0], known: [1, 0] })
})

test('the order in which feedback came does not change a label, and where it is not known it is 0', () => {
  const tasks = [
    task('click', happened('click')),
    task('long', { rule: 'atLeast', kind: 'play', value: 3 }, { given: 'click' }),
    task('play', { rule: 'value', kind: 'play' }, { windowMs: 700 }),
    task('late', happened('click'), { windowMs: 1300 }),
  ]
  const feedback = fc.record({
    kind: fc.constantFrom('click', 'play'),
    value: fc.option(fc.integer({ min: -3, max: 6 })),
    occurredAtMs: fc.integer({ min: shownAtMs, max: shownAtMs + 1500 }),
  })
  fc.assert(
    fc.property(fc.array(feedback, { maxLength: 6 }), fc.integer({ min: 0, max: 1600 }), (given, passed) => {
      const moment = { shownAtMs, watermarkMs: shownAtMs + passed }
      const found = labelled(tasks, given, moment)
      assert.deepEqual(found, labelled(tasks, [...given].reverse(), moment))
      found.known.forEach((known, i) => {
        if (known === 0) assert.equal(found.labels[i], 0)
      })
      assert.equal(found.known[0], passed >= windowMs ? 1 : 0)
      assert.equal(found.known[3], passed >= 1300 ? 1 : 0)
    }),
  )
})

test('a known label stands for as many examples as its sampling rate says, and an unknown one for none', () => {
  const tasks = [task('click', happened('click')), task('late', happened('click'), { windowMs: windowMs + 1 })]
  const [labels, known] = [new Float32Array(2), new Float32Array(2)]

  labelsOf(tasks, { feedback: [after(5, 'click')], samplingRate: 0.25 }, closed, labels, known)

  assert.deepEqual(
    [[...labels], [...known]],
    [
      [1, 0],
      [4, 0],
    ],
  )
})
