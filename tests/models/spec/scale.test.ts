import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { scaled } from '../../../models/spec/scale.ts'

test('a number on the standard scale is itself', () => {
  assert.equal(scaled(-3.5, 'standard'), -3.5)
  assert.equal(scaled(7, 'buckets'), 7)
})

test('a number on the log scale is log(1 + x), and 0 below 0', () => {
  assert.equal(scaled(Math.E - 1, 'log'), 1)
  assert.equal(scaled(-3, 'log'), 0)
})

test('truth values are 0 and 1', () => {
  assert.equal(scaled(true, 'standard'), 1)
  assert.equal(scaled(false, 'log'), 0)
})

test('what is no number is missing', () => {
  for (const value of ['7', null, undefined, ['7'], Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    assert.equal(scaled(value, 'standard'), null)
    assert.equal(scaled(value, 'log'), null)
  }
})

test('a number that no float32 can hold is missing, unless its logarithm can be held', () => {
  assert.equal(scaled(3e38, 'standard'), 3e38)
  assert.equal(scaled(1e39, 'standard'), null)
  assert.equal(scaled(-1e39, 'buckets'), null)
  assert.equal(scaled(1e39, 'log'), Math.log1p(1e39))
})

test('on every scale a larger number is never smaller', () => {
  const float32 = fc.float({ noNaN: true, noDefaultInfinity: true })
  fc.assert(
    fc.property(float32, float32, fc.constantFrom('standard' as const, 'log' as const), (a, b, scale) => {
      const [low, high] = [scaled(Math.min(a, b), scale), scaled(Math.max(a, b), scale)]
      return low !== null && high !== null && low <= high
    }),
  )
})
