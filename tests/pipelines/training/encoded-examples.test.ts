import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEncoder, emptyBatch } from '../../../models/spec/encoder.ts'
import { layoutOf } from '../../../models/spec/layout.ts'
import type { Statistics } from '../../../models/spec/statistics.ts'
import { encodeExamples, withNumberStatistics } from '../../../pipelines/training/encoded-examples.ts'
import { rankerWith, worldOf } from './small-source.ts'

const definition = rankerWith()
const statistics: Statistics = { rates: { click: 0.25 }, numbers: {} }
const slates = worldOf(12).map((slate, i) => ({ ...slate, impressions: slate.impressions.slice(i % 4) }))
const examples = encodeExamples(definition, statistics, slates)

test('each impression is an example, in order, encoded as a request with that one candidate', () => {
  const encoder = createEncoder(definition, statistics)
  const one = emptyBatch(encoder.layout, { requests: 1, candidates: 1 })
  let row = 0
  for (const { input, impressions } of slates) {
    for (const { candidate } of impressions) {
      encoder.encode([{ ...input, candidates: [input.candidates[candidate]!] }], one)
      for (const side of ['request', 'candidate'] as const) {
        const { slots, numbers } = encoder.layout[side]
        for (const [part, width] of [
          ['rows', slots],
          ['weights', slots],
          ['numbers', numbers.length],
          ['present', numbers.length],
        ] as const)
          assert.deepEqual(examples[side][part].slice(row * width, (row + 1) * width), one[side][part])
      }
      row++
    }
  }
  assert.equal(examples.count, row)
})

test('labels are those of the impression, and a task whose window is open is unknown', () => {
  const open = slates.map((slate) => ({ ...slate, watermarkMs: slate.input.occurredAtMs + 999 }))

  const shown = slates.flatMap(({ impressions }) => impressions)
  const clicked = shown.map(({ feedback }) => (feedback.length > 0 ? 1 : 0))
  assert.deepEqual(
    [...examples.labels].filter((_, i) => i % 2 === 0),
    clicked,
  )
  assert.deepEqual(
    [...examples.known],
    clicked.flatMap((label) => [1, label]),
  )
  assert.ok(encodeExamples(definition, statistics, open).known.every((known) => known === 0))
})

test('examples know their user and their slate by index, in the order of first appearance', () => {
  const firstSeen = [...new Set(slates.map(({ input }) => input.userId))]
  const expected = slates.flatMap(({ input, impressions }, slate) =>
    impressions.map(() => [firstSeen.indexOf(input.userId), slate]),
  )

  assert.deepEqual(
    [...examples.users].map((user, row) => [user, examples.slates[row]]),
    expected,
  )
})

test('how far encoding has come is told after each slate', () => {
  const told: number[] = []

  encodeExamples(definition, statistics, slates, (done) => told.push(done))

  assert.deepEqual([told.length, told[0], told.at(-1)], [slates.length, 4, examples.count])
})

test('statistics of numbers are those of the first examples alone, and of present values alone', () => {
  const priced = slates.map(({ input, ...rest }, i) => ({
    ...rest,
    input: {
      ...input,
      candidates: input.candidates.map((each) => ({ ...each, features: i === 1 ? {} : { price: i < 3 ? 2 : 9 } })),
    },
  }))
  const encoded = encodeExamples(definition, statistics, priced)
  const firstThree = 4 + 3 + 2

  const { numbers, rates } = withNumberStatistics(layoutOf(definition), statistics, encoded, firstThree)

  assert.deepEqual(numbers.price, { mean: 2, deviation: 1, edges: [2], codeMeans: [] })
  assert.deepEqual(Object.keys(numbers), [
    'price',
    'seen.impressions',
    'seen.click.count',
    'seen.click.rate',
    'seen.gap',
  ])
  assert.deepEqual(rates, statistics.rates)
})
