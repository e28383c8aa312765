import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRandom } from '../../../models/engine/random.ts'
import type { TaskSpec } from '../../../models/spec/tasks.ts'
import { type ChampionScores, collectEvidence } from '../../../pipelines/promotion/evidence.ts'
import type { Holdout } from '../../../pipelines/training/holdout.ts'

const click: TaskSpec = { name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: 1_000 }
const watch: TaskSpec = { name: 'watch', label: { rule: 'value', kind: 'watch' }, windowMs: 1_000 }

/** Each row: user, then per task [label, score], or null where the label is not known. */
type Row = readonly [user: number, ...tasks: (readonly [label: number, score: number] | null)[]]
function holdoutOf(rows: readonly Row[], baseRates: readonly number[]): Holdout {
  const cells = rows.flatMap(([, ...tasks]) => tasks)
  return {
    slates: [],
    labels: Float32Array.from(cells, (cell) => cell?.[0] ?? 0),
    known: Float32Array.from(cells, (cell) => (cell === null ? 0 : 1)),
    scores: Float32Array.from(cells, (cell) => cell?.[1] ?? 0),
    users: Int32Array.from(rows, ([user]) => user),
    baseRates,
  }
}
const championOf = (scores: readonly number[], { tasks = ['click'], unseenFrom = 0 } = {}): ChampionScores => ({
  tasks,
  scores: Float32Array.from(scores),
  unseenFrom,
})
const evidenceOf = (tasks: readonly TaskSpec[], holdout: Holdout, champion: ChampionScores | null) =>
  collectEvidence(tasks, holdout, champion, createRandom(1))
const near = (actual: number | undefined, expected: number) =>
  assert.ok(actual !== undefined && Math.abs(actual - expected) < 1e-6, `${actual} is not ${expected}`)
const { log } = Math

test('entropy is the log loss over known rows, divided by that of the training base rate', () => {
  const holdout = holdoutOf(
    [
      [1, [1, 0.5]],
      [1, [0, 0.25]],
      [2, null],
      [2, [0, 0.5]],
    ],
    [0.25],
  )

  const [evidence] = evidenceOf([click], holdout, null)

  assert.deepEqual([evidence!.task, evidence!.known, evidence!.positives, evidence!.difference], ['click', 3, 1, null])
  near(evidence!.challengerEntropy, (log(2) + log(4 / 3) + log(2)) / (log(4) + 2 * log(4 / 3)))
})

test('a value task is judged by squared errors', () => {
  const holdout = holdoutOf(
    [
      [1, [3, 2]],
      [2, [0, 1]],
      [2, [5, 2]],
    ],
    [2],
  )
  const champion = championOf([3, 2, 0], { tasks: ['watch'] })

  const [evidence] = evidenceOf([watch], holdout, champion)

  assert.equal(evidence!.positives, 2)
  near(evidence!.challengerEntropy, (1 + 1 + 9) / (1 + 4 + 9))
  near(evidence!.difference!.mean, (1 - 0 + (1 - 4) + (9 - 25)) / (1 + 4 + 9))
})

test('the difference is of the losses on the same rows, in units of the base loss', () => {
  const holdout = holdoutOf(
    [
      [1, [1, 0.5]],
      [2, [0, 0.5]],
    ],
    [0.5],
  )

  const [evidence] = evidenceOf([click], holdout, championOf([0.25, 0.25]))

  near(evidence!.difference!.mean, (log(2) - log(4) + log(2) - log(4 / 3)) / (2 * log(2)))
})

test('where all rows are of one user there is nothing to draw, and the interval is the mean', () => {
  const holdout = holdoutOf(
    [
      [7, [1, 0.5]],
      [7, [0, 0.5]],
    ],
    [0.5],
  )

  const { low, mean, high } = evidenceOf([click], holdout, championOf([0.9, 0.4]))[0]!.difference!

  near(low, mean)
  near(high, mean)
})

test('rows that the champion has learnt are not compared, and count for the challenger alone', () => {
  const rows: Row[] = [
    [1, [1, 0.9]],
    [2, [0, 0.1]],
    [3, [1, 0.5]],
    [4, [0, 0.25]],
  ]
  const holdout = holdoutOf(rows, [0.5])

  const [all] = evidenceOf([click], holdout, championOf([Number.NaN, Number.NaN, 0.25, 0.5], { unseenFrom: 2 }))
  const [late] = evidenceOf([click], holdoutOf(rows.slice(2), [0.5]), championOf([0.25, 0.5]))
  const [none] = evidenceOf([click], holdout, championOf([0, 0, 0, 0], { unseenFrom: 4 }))

  assert.deepEqual(all!.difference, late!.difference)
  assert.equal(all!.known, 4)
  assert.equal(none!.difference, null)
})

test('a task that the champion lacks has no difference; the others are read from their own column', () => {
  const holdout = holdoutOf(
    [
      [1, [1, 1], [1, 0.5]],
      [2, [2, 2], [0, 0.5]],
    ],
    [1, 0.5],
  )
  const champion = championOf([0.1, 0.25, 0.1, 0.25], { tasks: ['gone', 'click'] })

  const [watched, clicked] = evidenceOf([watch, click], holdout, champion)

  assert.equal(watched!.difference, null)
  near(clicked!.difference!.mean, (log(2) - log(4) + log(2) - log(4 / 3)) / (2 * log(2)))
})

test('certain and wrong is a large loss, and no infinite one', () => {
  const [evidence] = evidenceOf(
    [click],
    holdoutOf(
      [
        [1, [1, 0]],
        [2, [0, 1]],
      ],
      [0.5],
    ),
    championOf([1, 0]),
  )

  assert.ok(Number.isFinite(evidence!.challengerEntropy) && evidence!.challengerEntropy > 10)
  assert.ok(Number.isFinite(evidence!.difference!.mean))
})

test('a score that is no number is shown as no number, so that the gate refuses it', () => {
  const [evidence] = evidenceOf(
    [click],
    holdoutOf(
      [
        [1, [1, Number.NaN]],
        [2, [0, 0.5]],
      ],
      [0.5],
    ),
    championOf([0.5, 0.5]),
  )

  assert.deepEqual([evidence!.challengerEntropy, evidence!.difference!.mean], [Number.NaN, Number.NaN])
})

const randomRows = fc.array(
  fc.tuple(
    fc.nat({ max: 3 }),
    fc.option(fc.tuple(fc.constantFrom(0, 1), fc.double({ min: 0.01, max: 0.99, noNaN: true })), { freq: 4 }),
    fc.double({ min: 0.01, max: 0.99, noNaN: true }),
  ),
  { minLength: 1, maxLength: 12 },
)

test('the figures are those of a plain sum over the rows', () => {
  fc.assert(
    fc.property(randomRows, fc.nat({ max: 12 }), (rows, unseenFrom) => {
      const holdout = holdoutOf(
        rows.map(([user, cell]) => [user, cell]),
        [0.3],
      )
      const champion = championOf(
        rows.map(([, , score]) => score),
        { unseenFrom },
      )

      const [evidence] = evidenceOf([click], holdout, champion)

      const loss = (label: number, score: number) => -log(label === 1 ? Math.fround(score) : 1 - Math.fround(score))
      const known = rows.map(([, cell, other], row) => ({ cell, other, row })).filter(({ cell }) => cell !== null)
      const unseen = known.filter(({ row }) => row >= unseenFrom)
      const total = (of: typeof known, read: (label: number, score: number, other: number) => number) =>
        of.reduce((sum, { cell, other }) => sum + read(cell![0], cell![1], other), 0)
      const base = (label: number) => -log(label === 1 ? 0.3 : 0.7)
      assert.equal(evidence!.known, known.length)
      if (known.length > 0) near(evidence!.challengerEntropy, total(known, loss) / total(known, base))
      if (unseen.length === 0) assert.equal(evidence!.difference, null)
      else {
        const difference = total(unseen, (label, score, other) => loss(label, score) - loss(label, other))
        near(evidence!.difference!.mean, difference / total(unseen, base))
        assert.ok(evidence!.difference!.low <= evidence!.difference!.high)
      }
    }),
    { numRuns: 60 },
  )
})

test('the same random numbers give the same interval, whatever other tasks there are', () => {
  const rows: Row[] = Array.from({ length: 20 }, (_, i) => [i, [i % 2, 0.3 + 0.02 * i], [i % 3, 1]])
  const scores = rows.flatMap((_, i) => [0.5 - 0.01 * i, 1])
  const champion = championOf(scores, { tasks: ['click', 'watch'] })

  const both = evidenceOf([click, watch], holdoutOf(rows, [0.5, 1]), champion)
  const alone = evidenceOf(
    [click],
    holdoutOf(
      rows.map(([user, cell]) => [user, cell!]),
      [0.5],
    ),
    champion,
  )

  assert.deepEqual(both[0], alone[0])
})
