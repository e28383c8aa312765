import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRandom } from '../../../models/engine/random.ts'
import { auc, gauc } from '../../../models/metrics/auc.ts'
import { bootstrapOverUsers, createWeightedAuc, createWeightedGauc } from '../../../models/metrics/bootstrap.ts'
import { assertNear, isNear, type Row, rows, scoredOf, usersOf } from './scored-rows.ts'

const draws = (replicas: number, seed = 1) => ({ replicas, random: createRandom(seed) })

/** Row by row, as often as asked. */
const repeated = (of: readonly Row[], times: readonly number[]) =>
  of.flatMap((row, i) => Array.from({ length: times[i]! }, () => row))
const rowsWithTimes = rows(20).chain((of) =>
  fc.tuple(
    fc.constant(of),
    fc.array(fc.integer({ min: 0, max: 3 }), { minLength: of.length, maxLength: of.length }),
    fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 4 }),
  ),
)

test('weighted AUC is AUC with each row repeated so many times', () => {
  fc.assert(
    fc.property(rowsWithTimes, ([of, times]) =>
      isNear(createWeightedAuc(scoredOf(of))(times), auc(scoredOf(repeated(of, times)))),
    ),
  )
})

test('weighted GAUC is GAUC with each user repeated so many times', () => {
  fc.assert(
    fc.property(rowsWithTimes, ([of, , timesOfUser]) => {
      const times = of.map(({ user }) => timesOfUser[user]!)
      // A user drawn again is another user with the same rows.
      const copies = of.flatMap((row) =>
        Array.from({ length: timesOfUser[row.user]! }, (_, copy) => ({ ...row, user: row.user + 10 * copy })),
      )
      return isNear(createWeightedGauc(scoredOf(of), usersOf(of))(times), gauc(scoredOf(copies), usersOf(copies)).gauc)
    }),
  )
})

test('weighted measures leave nothing behind from one call to the next', () => {
  const scored = { labels: [0, 1, 0, 1], scores: [0.1, 0.2, 0.3, 0.4] }

  for (const measure of [createWeightedAuc(scored), createWeightedGauc(scored, [1, 1, 2, 2])]) {
    const first = measure([1, 1, 1, 1])
    measure([3, 3, 0, 0])

    assert.equal(measure([1, 1, 1, 1]), first)
  }
})

test('weighted measures are not numbers where a class has no weight or a score is not a number', () => {
  const scored = { labels: [0, 1], scores: [0.1, 0.2] }
  const broken = { labels: [0, 1], scores: [0.1, Number.NaN] }

  assert.equal(createWeightedAuc(scored)([0, 1]), Number.NaN)
  assert.equal(createWeightedGauc(scored, [1, 1])([0, 0]), Number.NaN)
  assert.equal(createWeightedAuc(broken)([1, 1]), Number.NaN)
  assert.equal(createWeightedGauc(broken, [1, 1])([1, 1]), Number.NaN)
})

test('each replica draws as many users as there are, a user with all rows', () => {
  const users = [7, 3, 7, 5, 3, 7]
  const seen: number[][] = []

  bootstrapOverUsers(users, (times) => seen.push([...times]), draws(50))

  assert.equal(seen.length, 51)
  assert.deepEqual(seen[0], [1, 1, 1, 1, 1, 1])
  for (const times of seen) {
    const [seven, three, , five] = times as [number, number, number, number]
    assert.deepEqual(times, [seven, three, seven, five, three, seven])
    assert.equal(seven + three + five, 3)
  }
  assert.ok(new Set(seen.map(String)).size > 5, 'replicas differ')
})

test('users are drawn alike often', () => {
  const users = Array.from({ length: 10 }, (_, i) => i)
  const drawn = users.map(() => 0)
  const unchanged = (times: Float64Array) => {
    times.forEach((count, user) => {
      drawn[user]! += count
    })
    return 0
  }

  bootstrapOverUsers(users, unchanged, draws(2000))

  // 20,000 draws of ten users, and all once for the measure itself: a standard deviation of 42 around 2001.
  for (const count of drawn) assert.ok(Math.abs(count - 2001) < 5 * 42, String(drawn))
})

test('the interval is the measure itself between percentiles of its replicas, linearly interpolated', () => {
  const values: number[] = []
  const users = [0, 1, 2, 3, 4]
  const measure = (times: Float64Array) => {
    const value = times.reduce((sum, count, user) => sum + count * user ** 2, 0)
    values.push(value)
    return value
  }

  const { low, mean, high } = bootstrapOverUsers(users, measure, draws(100))

  const [own, ...replicas] = values
  replicas.sort((a, b) => a - b)
  // 0.025 and 0.975 of the way along 100 values are places 2.475 and 96.525.
  assert.equal(mean, own)
  assertNear(low, replicas[2]! + 0.475 * (replicas[3]! - replicas[2]!))
  assertNear(high, replicas[96]! + 0.525 * (replicas[97]! - replicas[96]!))
})

test('a seed always gives the same interval, another seed another', () => {
  const of: Row[] = Array.from({ length: 40 }, (_, i) => ({ label: i % 2, score: ((7 * i) % 13) / 13, user: i % 9 }))
  const interval = (seed: number) => bootstrapOverUsers(usersOf(of), createWeightedAuc(scoredOf(of)), draws(60, seed))

  assert.deepEqual(interval(3), interval(3))
  assert.notDeepEqual(interval(3), interval(4))
})

test('the interval of a single user has no width', () => {
  const scored = { labels: [0, 1, 1], scores: [0.4, 0.3, 0.5] }

  assert.deepEqual(bootstrapOverUsers([4, 4, 4], createWeightedAuc(scored), draws(20)), {
    low: 0.5,
    mean: 0.5,
    high: 0.5,
  })
})

test('replicas in which the measure is not a number are left out', () => {
  const onlyWithUserZero = (times: Float64Array) => (times[0] === 0 ? Number.NaN : 2)

  assert.deepEqual(bootstrapOverUsers([0, 1], onlyWithUserZero, draws(50)), { low: 2, mean: 2, high: 2 })
})

test('where no replica is a number there is no interval', () => {
  const nothing = { low: Number.NaN, mean: Number.NaN, high: Number.NaN }

  assert.deepEqual(
    bootstrapOverUsers([0, 1], () => Number.NaN, draws(5)),
    nothing,
  )
  assert.deepEqual(
    bootstrapOverUsers([], () => Number.NaN, draws(5)),
    nothing,
  )
})

test('repeating the rows of every user does not narrow the interval', () => {
  const random = createRandom(5)
  const of: Row[] = Array.from({ length: 60 }, (_, i) => ({ label: i % 2, score: random.normal() + (i % 2), user: i }))
  const copied = repeated(
    of,
    of.map(() => 4),
  )
  const interval = (some: readonly Row[]) =>
    bootstrapOverUsers(usersOf(some), createWeightedAuc(scoredOf(some)), draws(80))

  const [single, fourfold] = [interval(of), interval(copied)]

  assertNear(single.low, fourfold.low)
  assertNear(single.high, fourfold.high)
})

test('about 95 of 100 intervals hold the true AUC', () => {
  // Positives are normal around 1, negatives around 0: the AUC is Φ(1 / √2) = 0.760250.
  const truth = 0.7602499389065233
  const random = createRandom(11)
  const trials = 200
  let held = 0
  for (let trial = 0; trial < trials; trial++) {
    const of: Row[] = Array.from({ length: 120 }, (_, i) => ({
      label: i % 2,
      score: random.normal() + (i % 2),
      user: i,
    }))
    const { low, high } = bootstrapOverUsers(usersOf(of), createWeightedAuc(scoredOf(of)), {
      replicas: 200,
      random: random.fork(String(trial)),
    })
    if (low <= truth && truth <= high) held++
  }

  // 190 expected, with a standard deviation of 3.
  assert.ok(held >= 180 && held <= 198, String(held))
})
