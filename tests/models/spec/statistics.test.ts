import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SlateExamples } from '../../../models/spec/slate.ts'
import { createFirstPass, numberStatistics } from '../../../models/spec/statistics.ts'
import { inputOf, itemOf, now, rankerOf } from './rankers.ts'

const of = (...values: number[]) => numberStatistics(Float64Array.from(values))
const assertNear = (values: readonly number[], expected: readonly number[]) => {
  assert.equal(values.length, expected.length)
  for (const [i, value] of values.entries())
    assert.ok(isNear(value, expected[i]!), `${value} is not near ${expected[i]}`)
}
const isNear = (value: number, expected: number) => Math.abs(value - expected) <= 1e-9 * Math.max(1, Math.abs(expected))

/** The smallest value with at least a share of the others below it, gaps between neighbours filled in straight. */
function plainQuantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const place = share * (sorted.length - 1)
  const rest = place % 1
  return rest === 0 ? sorted[place]! : sorted[Math.floor(place)]! * (1 - rest) + sorted[Math.ceil(place)]! * rest
}

test('seventeen different numbers are their own quantiles', () => {
  const values = Array.from({ length: 17 }, (_, i) => i + 1)

  const { mean, deviation, edges, codeMeans } = of(...values)

  assert.equal(mean, 9)
  assertNear([deviation], [Math.sqrt(24)])
  assert.deepEqual(edges, values)
  // The code of bin i is 1 for the 16 - i values above it, and 0 for the rest.
  assertNear(
    codeMeans,
    Array.from({ length: 16 }, (_, bin) => (16 - bin) / 17),
  )
})

test('quantiles between two numbers lie on the line between them', () => {
  const { edges, codeMeans } = of(16, 0)

  assert.deepEqual(edges, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
  assert.deepEqual(codeMeans, Array(16).fill(0.5))
})

test('quantiles that coincide are one edge', () => {
  const values = [...Array.from({ length: 30 }, () => 0), ...Array.from({ length: 30 }, () => 5)]

  const { edges, codeMeans } = of(...values)

  assert.equal(edges[0], 0)
  assert.equal(edges.at(-1), 5)
  assert.equal(new Set(edges).size, edges.length)
  assert.ok(edges.length < 5, String(edges))
  assert.equal(codeMeans.length, edges.length - 1)
})

test('equal numbers have one edge and a deviation of 1, even where their mean is off by a rounding', () => {
  assert.deepEqual(of(3, 3, 3), { mean: 3, deviation: 1, edges: [3], codeMeans: [] })
  for (let count = 1; count < 50; count++) {
    const { mean, deviation } = of(...Array.from({ length: count }, () => 0.1))

    assertNear([mean], [0.1])
    assert.equal(deviation, 1)
  }
})

test('numbers too close for a variance have a deviation of 1', () => {
  assert.equal(of(0, 1e-200).deviation, 1)
})

test('without numbers there are no statistics, and no division by zero', () => {
  assert.deepEqual(of(), { mean: 0, deviation: 1, edges: [], codeMeans: [] })
})

test('measuring leaves the numbers in the order they had', () => {
  const values = Float64Array.of(3, 1, 2)

  numberStatistics(values)

  assert.deepEqual([...values], [3, 1, 2])
})

test('statistics equal those of a plain implementation', () => {
  const value = fc.oneof(
    fc.integer({ min: -1e7, max: 1e7 }).map((n) => n / 16),
    fc.integer({ min: 0, max: 4 }),
  )
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 60 }), (values) => {
      const { mean, deviation, edges, codeMeans } = of(...values)
      const quantiles = Array.from({ length: 17 }, (_, i) => plainQuantile(values, i / 16))
      const plainMean = values.reduce((sum, each) => sum + each, 0) / values.length
      const plainDeviation = Math.sqrt(values.reduce((sum, each) => sum + (each - plainMean) ** 2, 0) / values.length)
      assertNear([mean], [plainMean])
      assertNear([deviation], [new Set(values).size === 1 ? 1 : plainDeviation])
      assertNear(
        edges,
        quantiles.filter((quantile, i) => i === 0 || !isNear(quantile, quantiles[i - 1]!)),
      )
      const plainCodeMeans = edges.slice(1).map((high, bin) => {
        const low = edges[bin]!
        const codes = values.map((each) => (each <= low ? 0 : each >= high ? 1 : (each - low) / (high - low)))
        return codes.reduce((sum, code) => sum + code, 0) / values.length
      })
      assertNear(codeMeans, plainCodeMeans)
    }),
  )
})

const bucketed = rankerOf(
  { kind: 'numeric', name: 'length', scope: 'item', scale: 'buckets' },
  { kind: 'numeric', name: 'userAge', field: 'age', scope: 'user', scale: 'buckets' },
  { kind: 'numeric', name: 'hour', scope: 'context', scale: 'buckets' },
  { kind: 'numeric', name: 'price', scope: 'item', scale: 'standard' },
  { kind: 'counters', name: 'counters', of: 'item', feedback: ['click', 'buy'] },
)
const slate = (fields: Partial<SlateExamples>): SlateExamples => ({
  slateId: 's1',
  input: inputOf(),
  impressions: [],
  watermarkMs: now,
  ...fields,
})
const feedback = (kind: string) => ({ kind, value: null, occurredAtMs: now })
const shown = (candidate: number, ...kinds: string[]) => ({
  candidate,
  position: candidate,
  feedback: kinds.map(feedback),
})

test('the rate of a kind is the share of shown items that got it, however often', () => {
  const pass = createFirstPass(bucketed)
  const candidates = [itemOf('a'), itemOf('b'), itemOf('c'), itemOf('d'), itemOf('e')]

  pass.add(
    slate({
      input: inputOf({ candidates }),
      impressions: [shown(0, 'click', 'click', 'like'), shown(1), shown(2, 'click', 'buy')],
    }),
  )
  pass.add(slate({ impressions: [shown(0)] }))

  // Kinds of tasks and counters; of the five candidates only the shown ones count.
  assert.deepEqual(pass.finish().rates, { click: 2 / 4, buy: 1 / 4 })
})

test('kinds of labels have rates where no counter asks for them', () => {
  const pass = createFirstPass(rankerOf({ kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 4 } }))
  pass.add(slate({ impressions: [shown(0, 'click')] }))

  assert.deepEqual(pass.finish(), { rates: { click: 1 }, numbers: {} })
})

test('bins come from the values of shown items, their users and their contexts, where present', () => {
  const pass = createFirstPass(bucketed)
  const candidates = [
    itemOf('a', { length: 10, price: 3 }),
    itemOf('b', { length: 99 }),
    itemOf('c', { length: 30 }),
    itemOf('d'),
  ]
  const input = inputOf({ candidates, user: { age: 40 }, context: { hour: 7 } })

  pass.add(slate({ input, impressions: [shown(0), shown(2), shown(3)] }))

  const { numbers } = pass.finish()
  assert.deepEqual(Object.keys(numbers), ['length', 'userAge', 'hour'])
  assert.equal(numbers.length!.mean, 20)
  assert.deepEqual([numbers.length!.edges[0], numbers.length!.edges.at(-1)], [10, 30])
  assert.deepEqual(numbers.userAge!.edges, [40])
  assert.deepEqual(numbers.hour!.edges, [7])
})

test('a pass over nothing has rates of 0 and no bins', () => {
  const { rates, numbers } = createFirstPass(bucketed).finish()

  assert.deepEqual(rates, { click: 0, buy: 0 })
  assert.deepEqual(numbers.length, { mean: 0, deviation: 1, edges: [], codeMeans: [] })
})
