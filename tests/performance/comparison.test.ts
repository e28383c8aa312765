import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compare, median, type Pair, sameWork } from './comparison.ts'

const pair = (ours: number, theirs: number, foreignCores: number | null = 0): Pair => ({
  ours: { ms: ours, steps: 10 },
  theirs: { ms: theirs, steps: 10 },
  foreignCores,
})

test('the ratio is the median of the ratios round by round, with the least and the greatest', () => {
  const { ratio, contended } = compare([pair(10, 20), pair(20, 30), pair(5, 20)])

  assert.deepEqual(ratio, { median: 2, least: 1.5, greatest: 4 })
  assert.equal(contended, false)
})

test('rounds beside other processes do not count', () => {
  const { ratio, rounds, quietRounds } = compare([pair(1, 2), pair(1, 100, 0.5), pair(1, 3), pair(1, 4, 0.1)])

  assert.deepEqual(ratio, { median: 3, least: 2, greatest: 4 })
  assert.deepEqual([rounds, quietRounds], [4, 3])
})

test('fewer than three quiet rounds are called contended', () => {
  const { contended, quietRounds } = compare([pair(1, 2), pair(1, 2), pair(1, 2, 1.2), pair(1, 2, 0.4)])

  assert.equal(contended, true)
  assert.equal(quietRounds, 2)
})

test('where the system does not tell of other processes, every round counts', () => {
  const { contended, quietRounds } = compare([pair(1, 2, null), pair(1, 2, null), pair(1, 2, null)])

  assert.deepEqual([contended, quietRounds], [false, 3])
})

test('a machine twice as slow leaves the ratio as it is', () => {
  const time = fc.double({ min: 0.1, max: 1e4, noNaN: true })
  fc.assert(
    fc.property(fc.array(fc.tuple(time, time), { minLength: 3, maxLength: 9 }), (rounds) => {
      const once = compare(rounds.map(([ours, theirs]) => pair(ours, theirs)))
      const slower = compare(rounds.map(([ours, theirs]) => pair(2 * ours, 2 * theirs)))

      assert.deepEqual(slower, once)
      assert.ok(once.ratio.least <= once.ratio.median && once.ratio.median <= once.ratio.greatest)
    }),
  )
})

test('the median of an even count lies between the middle two', () => {
  assert.equal(median([4, 1, 3, 2]), 2.5)
  assert.equal(median([7]), 7)
})

test('equal work means equal numbers to four digits', () => {
  assert.ok(sameWork([4.17281, 3.96834], [4.172813892, 3.968342065]))
  assert.ok(!sameWork([4.17281, 3.96834], [4.17281, 3.97]))
  assert.ok(!sameWork([4.17281], [4.17281, 3.96834]))
  assert.ok(!sameWork([4.17281], [Number.NaN]))
})
