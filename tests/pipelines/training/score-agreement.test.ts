import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { TaskSpec } from '../../../models/spec/tasks.ts'
import { sameOrder, scoreChanges } from '../../../pipelines/training/score-agreement.ts'

const click: TaskSpec = { name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: 1, scoreWeight: 2 }
const watch: TaskSpec = { name: 'watch', label: { rule: 'value', kind: 'watch' }, windowMs: 1, scoreWeight: 1 }

test('changes are the largest and the mean of absolute differences, task by task', () => {
  const before = Float32Array.of(0.5, 10, 0.25, 20, 0.75, 30)
  const after = Float32Array.of(0.75, 10, 0.25, 16, 0.625, 32)

  assert.deepEqual(scoreChanges([click, watch], before, after), {
    click: { most: 0.25, mean: 0.125 },
    watch: { most: 4, mean: 2 },
  })
  assert.deepEqual(scoreChanges([click], new Float32Array(), new Float32Array()), { click: { most: 0, mean: 0 } })
})

test('a score that is no number makes the changes none', () => {
  const changes = scoreChanges([click], Float32Array.of(0.5, 0.5), Float32Array.of(0.5, Number.NaN))

  assert.ok(Number.isNaN(changes.click!.mean) && Number.isNaN(changes.click!.most))
})

test('order is that of the blend, pair by pair of one slate', () => {
  // Blends 2 * click + watch: 3, 2, 1 of a first slate and 5, 4 of a second; then 3, 1, 2 and 5, 4.
  const before = Float32Array.of(1, 1, 0.5, 1, 0, 1, 2, 1, 1.5, 1)
  const after = Float32Array.of(1, 1, 0, 1, 0.5, 1, 2, 1, 1.5, 1)

  assert.equal(sameOrder([click, watch], [3, 2], before, after), 3 / 4)
  assert.equal(sameOrder([click, watch], [1, 1, 3], before, after), 1)
  assert.equal(sameOrder([click, watch], [3, 2], before, before), 1)
})

test('pairs without an order do not count, but losing one does; without a pair there is no share', () => {
  const one = [{ ...click, scoreWeight: 1 }]

  assert.equal(sameOrder(one, [3], Float32Array.of(1, 1, 2), Float32Array.of(3, 1, 2)), 1 / 2)
  assert.equal(sameOrder(one, [2], Float32Array.of(1, 2), Float32Array.of(1, 1)), 0)
  assert.ok(Number.isNaN(sameOrder(one, [1, 1], Float32Array.of(1, 2), Float32Array.of(2, 1))))
  assert.ok(Number.isNaN(sameOrder([{ ...click, scoreWeight: 0 }], [2], Float32Array.of(1, 2), Float32Array.of(2, 1))))
})

test('swapping two neighbours of an order costs one pair of all', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 30 }), fc.nat(), (count, at) => {
      const before = Float32Array.from({ length: count }, (_, i) => i)
      const first = at % (count - 1)
      const after = before.with(first, first + 1).with(first + 1, first)

      const pairs = (count * (count - 1)) / 2
      assert.equal(sameOrder([click], [count], before, after), (pairs - 1) / pairs)
    }),
  )
})
