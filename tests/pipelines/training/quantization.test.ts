import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RankingInput } from '../../../models/spec/slate.ts'
import type { TaskSpec } from '../../../models/spec/tasks.ts'
import type { Holdout } from '../../../pipelines/training/holdout.ts'
import {
  measureQuantization,
  metricsOf,
  notMeasured,
  quantizationLines,
  sampleOf,
} from '../../../pipelines/training/quantization.ts'
import { rankerWith, worldOf } from './small-source.ts'
import { trainedOn } from './written-version.ts'

const bounds = { mostScoreChange: 0.02, mostMetricLoss: 0.001 }
const tasks: readonly TaskSpec[] = [
  { name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: 1, scoreWeight: 1 },
  { name: 'watch', label: { rule: 'value', kind: 'watch' }, windowMs: 1 },
]

/** Slates of four candidates, all shown, last first; the second label of each slate is unknown. */
function sliceOf(count: number): Holdout {
  const slates = worldOf(count).map((slate) => ({ ...slate, impressions: slate.impressions.toReversed() }))
  const examples = count * 4
  return {
    slates,
    labels: Float32Array.from({ length: examples * 2 }, (_, i) => (i % 2 === 0 ? Number(i % 3 === 0) : i % 7)),
    known: Float32Array.from({ length: examples * 2 }, (_, i) => Number(i % 8 !== 2)),
    scores: Float32Array.from({ length: examples * 2 }, (_, i) => (i % 2 === 0 ? (i % 10) / 10 : 50 + (i % 5))),
    users: Int32Array.from({ length: examples }, (_, i) => Math.floor(i / 8)),
    baseRates: [0.3, 2],
  }
}

/** The slice's own scores, request by request, each moved. */
function scorerOf({ slates, scores }: Holdout, move: (score: number, at: number) => number) {
  const asked: RankingInput[] = []
  const starts = new Map(slates.map(({ input }, i) => [input.occurredAtMs, i * 8]))
  return {
    asked,
    async score(input: RankingInput) {
      asked.push(input)
      const from = starts.get(input.occurredAtMs)!
      return scores.slice(from, from + 8).map((score, i) => move(score, from + i))
    },
  }
}

test('graphs that give the same scores cost nothing, and are not refused', async () => {
  const slice = sliceOf(60)
  const { score, asked } = scorerOf(slice, (value) => value)

  const measured = await measureQuantization(tasks, slice, bounds, ['expert.weight'], score)

  assert.deepEqual(
    [measured.refusals, measured.examples, measured.sameOrder, measured.weights],
    [[], 240, 1, ['expert.weight']],
  )
  assert.deepEqual(measured.scoreChanges, { click: { most: 0, mean: 0 }, watch: { most: 0, mean: 0 } })
  assert.deepEqual(measured.metrics, metricsOf(tasks, slice, slice.scores))
  assert.equal(measured.metricChanges.click!.auc, 0)
  for (const [i, { candidates }] of asked.entries()) {
    const { input, impressions } = slice.slates[i]!
    assert.deepEqual(
      candidates,
      impressions.map(({ candidate }) => input.candidates[candidate]),
    )
  }
})

test('what changes is measured against the scores of float32, and refused beyond the bounds', async () => {
  const slice = sliceOf(60)
  const halved = scorerOf(slice, (value, at) => (at % 2 === 0 ? value / 2 : value + 1))

  const measured = await measureQuantization(tasks, slice, bounds, [], halved.score)

  assert.equal(measured.scoreChanges.watch!.most, 1)
  assert.equal(measured.scoreChanges.click!.most.toFixed(6), '0.400000')
  const { logLoss, auc } = measured.metricChanges.click!
  assert.equal(auc, 0)
  const losses = [slice.scores, slice.scores.map((value, at) => (at % 2 === 0 ? value / 2 : value))].map(
    (scores) => metricsOf(tasks, slice, scores).click!.logLoss!,
  )
  assert.equal(logLoss!.toFixed(9), (losses[1]! - losses[0]!).toFixed(9))
  assert.equal(measured.refusals[0], 'click: a score changes by 0.4000, more than 0.02')
  // One of at most 54: 0.0185 of the largest value.
  assert.deepEqual(
    measured.refusals.filter((line) => line.startsWith('watch: a score')),
    [],
  )
  const loose = await measureQuantization(tasks, slice, { mostScoreChange: 1, mostMetricLoss: 10 }, [], halved.score)
  assert.deepEqual(loose.refusals, [])
})

test('a change of values counts as a share of the largest of the same task', async () => {
  const [short, long] = [
    { ...tasks[1]!, name: 'short' },
    { ...tasks[1]!, name: 'long' },
  ]
  const slice = sliceOf(10)
  const moved = scorerOf(slice, (value, at) => (at === 0 ? value + 0.5 : value))
  const loose = { mostScoreChange: 0.02, mostMetricLoss: 1 }

  const { refusals } = await measureQuantization([short!, long!], slice, loose, [], moved.score)

  // Of 0.8, and not of 54.
  assert.deepEqual(refusals, ['short: a score changes by 0.6250 of the largest, more than 0.02'])
})

test('the metrics of a slice are those that training has of it', async () => {
  const { content, holdout } = await trainedOn(150, rankerWith({ epochs: 1 }))

  const own = metricsOf(content.definition.tasks, holdout, holdout.scores)

  assert.deepEqual(own, content.metrics)
  assert.ok(own.click!.positives! > 0)
})

test('a large slice is measured on slates spread over all of it, examples staying together', () => {
  const slice = sliceOf(50)
  assert.equal(sampleOf(slice, 200), slice)

  const sample = sampleOf(slice, 70)

  assert.deepEqual(
    sample.slates.map(({ slateId }) => slateId),
    slice.slates.filter((_, i) => i % 3 === 0).map(({ slateId }) => slateId),
  )
  assert.deepEqual(sample.baseRates, slice.baseRates)
  for (const [i, { slateId }] of sample.slates.entries()) {
    const at = slice.slates.findIndex((slate) => slate.slateId === slateId)
    assert.deepEqual(sample.users.subarray(i * 4, i * 4 + 4), slice.users.subarray(at * 4, at * 4 + 4))
    for (const part of ['labels', 'known', 'scores'] as const)
      assert.deepEqual(sample[part].subarray(i * 8, i * 8 + 8), slice[part].subarray(at * 8, at * 8 + 8), part)
  }
})

test('lines for people say what changes most, or why int8 is refused', async () => {
  const slice = sliceOf(30)
  const moved = scorerOf(slice, (value, at) => (at === 0 ? value + 0.015625 : value))
  const measured = await measureQuantization(tasks, slice, bounds, ['expert.weight'], moved.score)

  const [line, ...others] = quantizationLines(measured)

  assert.match(line!, /^int8: scores of 120 examples change by at most 0\.0156 \(click\), 0\.00007 on average; AUC /)
  assert.deepEqual(others, [])
  assert.deepEqual(quantizationLines({ ...measured, refusals: ['one reason', 'another'] }), [
    'int8 refused, float32 serves: one reason',
    'int8 refused, float32 serves: another',
  ])
  assert.deepEqual(quantizationLines(notMeasured(bounds, 'nothing to gain')), [
    'int8 refused, float32 serves: nothing to gain',
  ])
})
