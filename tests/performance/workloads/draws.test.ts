import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDraws } from './draws.ts'

// 1664525 + 1013904223 = 1015568748; times 1664525, plus 1013904223, mod 2^32 = 1586005467.
const [first, second] = [1015568748 / 2 ** 32, 1586005467 / 2 ** 32]

test('the first draws are those of the generator by hand', () => {
  const draws = createDraws()

  assert.deepEqual([draws.uniform(), draws.uniform()], [first, second])
})

test('centred draws lie around zero, as wide as the scale', () => {
  assert.deepEqual([...createDraws().centred(2, 4)], [Math.fround((first - 0.5) * 4), Math.fround((second - 0.5) * 4)])
})

test('a weight is as wide as its gain and its inputs allow', () => {
  const drawn = createDraws().weight(8, 1, 2)
  const narrower = createDraws().weight(8, 1, 0.5)

  assert.equal(drawn[0], Math.fround((first - 0.5) * 2 * 0.5))
  assert.ok(drawn.every((value, i) => Math.abs(value) <= 0.5 && Math.abs(value / 2 - narrower[i]!) < 1e-7))
  assert.deepEqual(createDraws().weight(8, 1), drawn)
})
