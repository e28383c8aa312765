import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SlateExamples } from '../../../models/spec/slate.ts'
import { sampleNegatives } from '../../../pipelines/training/sample-negatives.ts'
import { worldOf } from './small-source.ts'

const world = worldOf(200)
const click = { kind: 'click', value: null, occurredAtMs: 0 }
/** Four in five without feedback. */
const mostlyNegative = world.map(
  (slate, s): SlateExamples => ({
    ...slate,
    impressions: slate.impressions.map((each, i) => ({ ...each, feedback: (s + i) % 5 === 0 ? [click] : [] })),
  }),
)
const impressionsOf = (slates: readonly SlateExamples[]) =>
  slates.flatMap(({ slateId, impressions }) => impressions.map((each) => ({ slateId, ...each })))
const rates = fc.double({ min: 0.01, max: 1, noNaN: true })

test('at a rate of 1 everything is learnt as it is', () => {
  assert.deepEqual(sampleNegatives(mostlyNegative, 1), mostlyNegative)
})

test('all that has feedback stays as it is, and what is kept of the rest carries the rate', () => {
  fc.assert(
    fc.property(rates, (rate) => {
      const before = impressionsOf(mostlyNegative)
      const after = impressionsOf(sampleNegatives(mostlyNegative, rate))

      const positives = (all: typeof before) => all.filter(({ feedback }) => feedback.length > 0)
      assert.deepEqual(positives(after), positives(before))
      const negatives = after.filter(({ feedback }) => feedback.length === 0)
      if (rate < 1)
        assert.ok(
          negatives.every(({ samplingRate }) => samplingRate === rate),
          'the rate is on each',
        )
    }),
  )
})

test('about that share is kept, and stands for all', () => {
  for (const rate of [0.1, 0.5, 0.9]) {
    const count = (slates: readonly SlateExamples[]) =>
      impressionsOf(slates).filter(({ feedback }) => feedback.length === 0).length
    const [all, kept] = [count(mostlyNegative), count(sampleNegatives(mostlyNegative, rate))]

    // Four standard deviations of a fair draw.
    const most = 4 * Math.sqrt(all * rate * (1 - rate))
    assert.ok(Math.abs(kept - all * rate) < most, `${kept} of ${all} at a rate of ${rate}`)
  }
})

test('which are kept depends on slate and item alone, and less of them is a part of more', () => {
  const key = ({ slateId, position }: { slateId: string; position: number }) => `${slateId} ${position}`
  fc.assert(
    fc.property(rates, rates, fc.nat(200), (one, two, at) => {
      const [low, high] = [Math.min(one, two), Math.max(one, two)]
      const more = new Set(impressionsOf(sampleNegatives(mostlyNegative, high)).map(key))
      const rest = mostlyNegative.slice(at)
      const less = impressionsOf(sampleNegatives(rest, low)).map(key)

      assert.ok(
        less.every((each) => more.has(each)),
        'what is kept at the lower rate is kept at the higher',
      )
    }),
  )
})

test('a slate of which nothing is left is left out', () => {
  const bare = mostlyNegative.map((slate) => ({
    ...slate,
    impressions: slate.impressions.map((each) => ({ ...each, feedback: [] })),
  }))

  assert.ok(
    sampleNegatives(bare, 0.2).every(({ impressions }) => impressions.length > 0),
    'every slate has an example',
  )
  assert.deepEqual(sampleNegatives(bare, 1e-12), [])
})
