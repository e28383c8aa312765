import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byScore, hasBothClasses, hasNaN, only, rowsByGroup } from '../../../models/metrics/scored.ts'

test('rows are gathered by group, groups in the order in which they first appear', () => {
  assert.deepEqual(rowsByGroup([7, 2, 7, 7, 0]), [[0, 2, 3], [1], [4]])
  assert.deepEqual(rowsByGroup(Int32Array.of(5, 5)), [[0, 1]])
  assert.deepEqual(rowsByGroup([]), [])
})

test('some rows alone keep their labels and scores, in the order asked for', () => {
  const scored = { labels: Float64Array.of(0, 1, 1), scores: Float64Array.of(0.2, 0.4, 0.6) }

  assert.deepEqual(only(scored, [2, 0]), { labels: [1, 0], scores: [0.6, 0.2] })
})

test('rows by score begin with the lowest, equal ones in the order of rows', () => {
  assert.deepEqual([...byScore([0.3, -1, 0.3, Number.NEGATIVE_INFINITY])], [3, 1, 0, 2])
})

test('labels have both classes only where there is a 1 and something else', () => {
  assert.deepEqual([[0, 1], [1, 1], [0, 0], []].map(hasBothClasses), [true, false, false, false])
})

test('one score that is not a number is found among others', () => {
  assert.deepEqual([[0, Number.NaN, 1], [0, Number.POSITIVE_INFINITY], []].map(hasNaN), [true, false, false])
})
