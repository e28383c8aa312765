import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compare, median, sameWork, type Taken } from './comparison.ts'

/** Measurements of one program, each of a round; `foreign` are the cores that others used. */
const taken = (times: readonly number[], foreign: readonly (number | null)[] = []): readonly Taken[] =>
  times.map((ms, i) => ({ ms, steps: 10, foreignCores: foreign[i] === undefined ? 0 : foreign[i] }))

test('the ratio is the median of the ratios round by round, with the least and the greatest', () => {
  const { ratio, contended } = compare(taken([10, 20, 5]), taken([20, 30, 20]))

  assert.deepEqual(ratio, { median: 2, least: 1.5, greatest: 4 })
  assert.equal(contended, false)
})

test('a round beside other processes does not count, whichever side they met', () => {
  const ours = taken([1, 1, 1, 1, 1], [0, 0.5, 0, 0.1, 0])
  const theirs = taken([2, 100, 3, 4, 100], [0, 0, 0, 0, 0.5])

  const { ratio, rounds, quietRounds } = compare(ours, theirs)

  assert.deepEqual(ratio, { median: 3, least: 2, greatest: 4 })
  assert.deepEqual([rounds, quietRounds], [5, 3])
})

test('fewer than three quiet rounds are called contended', () => {
  const { contended, quietRounds } = compare(taken([1, 1, 1, 1], [0, 0, 1.2, 0.4]), taken([2, 2, 2, 2]))

  assert.equal(contended, true)
  assert.equal(quietRounds, 2)
})

test('where the system does not tell of other processes, every round counts', () => {
  const unknown = [null, null, null]

  const { contended, quietRounds } = compare(taken([1, 1, 1], unknown), taken([2, 2, 2], unknown))

  assert.deepEqual([contended, quietRounds], [false, 3])
})

test('a machine twice as slow leaves the ratio as it is', () => {
  const time = fc.double({ min: 0.1, max: 1e4, noNaN: true })
  fc.assert(
    fc.property(fc.array(fc.tuple(time, time), { minLength: 3, maxLength: 9 }), (rounds) => {
      const at = (scale: number) => [0, 1].map((side) => taken(rounds.map((round) => scale * round[side]!)))
      const [[ours, theirs], [slowOurs, slowTheirs]] = [at(1), at(2)]

      const once = compare(ours!, theirs!)

      assert.deepEqual(compare(slowOurs!, slowTheirs!), once)
      assert.ok(once.ratio.least <= once.ratio.median && once.ratio.median <= once.ratio.greatest)
    }),
  )
})

test('the median of an even count lies between the middle two', () => {
  assert.equal(median([4, 1, 3, 2]), 2.5)
  assert.equal(median([7]), 7)
})

test('equal work means equal numbers to four digits, or to what the arithmetic allows', () => {
  assert.ok(sameWork([4.17281, 3.96834], [4.172813892, 3.968342065]))
  assert.ok(!sameWork([4.17281, 3.96834], [4.17281, 3.97]))
  assert.ok(sameWork([4.17281, 3.96834], [4.17281, 3.97], 0.01))
  assert.ok(!sameWork([4.17281], [4.17281, 3.96834]))
  assert.ok(!sameWork([4.17281], [Number.NaN]))
})
