import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { kuairandCounters, kuairandIds } from '../../models/presets/kuairand.ts'
import { type Compared, comparison } from '../../pipelines/datasets/kuairand/comparison.ts'
import { kuairandFrame } from '../../pipelines/datasets/kuairand/frame.ts'
import { readSample } from '../../services/standalone/sample.ts'

type Level = 'A' | 'B'
type Slice = 'train' | 'validation' | 'test'
interface Figure {
  readonly mean: number
  readonly deviation?: number
  readonly each?: readonly number[]
}
interface MeasuredModel {
  readonly model: string
  readonly seeds: number
  readonly tasks: Readonly<Record<string, Readonly<Record<string, Figure>>>>
}
interface PlainModels {
  readonly split: Readonly<
    Record<Slice, { readonly rows: number; readonly sha256: string; readonly positives: Record<string, number> }>
  >
  readonly levels: Readonly<Record<Level, readonly MeasuredModel[]>>
}

const measured: PlainModels = JSON.parse(readFileSync(join(import.meta.dirname, 'plain_models.json'), 'utf8'))
const levels: readonly Level[] = ['A', 'B']
const slices: readonly Slice[] = ['train', 'validation', 'test']

/** As the comparison holds it: AUC and GAUC of each task to four digits. */
function compared({ model, tasks }: MeasuredModel): Compared {
  const figure = (task: string, name: string) => Number(tasks[task]![name]!.mean.toFixed(4))
  return {
    model,
    tasks: Object.fromEntries(Object.keys(tasks).map((task) => [task, [figure(task, 'auc'), figure(task, 'gauc')]])),
  }
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

test('the figures beside the product are those that the Python script measured, in its order', () => {
  const expected = Object.fromEntries(levels.map((level) => [level, measured.levels[level].map(compared)]))

  assert.deepEqual(comparison, expected)
})

test('every model has figures for every task of the sample', () => {
  const tasksOf = { A: kuairandIds.tasks, B: kuairandCounters.tasks }

  for (const level of levels) {
    const names = tasksOf[level].map(({ name }) => name).sort()
    for (const { model, tasks } of comparison[level]) assert.deepEqual(Object.keys(tasks).sort(), names, model)
  }
})

test('a model in which chance plays a part was learnt with five seeds, and its mean and deviation are theirs', () => {
  const figures = levels.flatMap((level) =>
    measured.levels[level].flatMap(({ model, seeds, tasks }) =>
      Object.values(tasks).flatMap(({ auc, gauc }) => [auc!, gauc!].map((figure) => ({ model, seeds, ...figure }))),
    ),
  )
  const fixed = new Set(['rate of the item', 'logistic regression'])

  for (const { model, seeds, each, ...figure } of figures) {
    assert.equal(seeds, fixed.has(model) ? 1 : 5, model)
    if (seeds === 1) continue
    assert.equal(each!.length, seeds)
    const center = mean(each!)
    const deviation = Math.sqrt((mean(each!.map((value) => (value - center) ** 2)) * seeds) / (seeds - 1))
    assert.ok(Math.abs(center - figure.mean) < 2e-6, `${model}: ${center} is not ${figure.mean}`)
    assert.ok(Math.abs(deviation - figure.deviation!) < 2e-6, `${model}: ${deviation} is not ${figure.deviation}`)
  }
})

test('Python and TypeScript cut the same rows into the same slices, with the same labels', async () => {
  const frame = kuairandFrame(await readSample())

  const own = Object.fromEntries(
    slices.map((slice) => {
      const rows = Array.from(frame[slice], (row) => frame.rows[row]!)
      const lines = rows.map(({ userId, itemId, atMs }) => `${userId}:${itemId}:${atMs}\n`)
      const positives = Object.fromEntries(
        kuairandIds.tasks.map(({ name }) => [name, rows.filter(({ kinds }) => kinds.includes(name)).length]),
      )
      return [
        slice,
        { rows: rows.length, sha256: createHash('sha256').update(lines.join('')).digest('hex'), positives },
      ]
    }),
  )
  assert.deepEqual(own, measured.split)
})

test('the slices have the sizes and the end that the protocol states', () => {
  const { train, validation, test: last } = measured.split

  assert.deepEqual([train.rows, validation.rows, last.rows], [32_145, 3_571, 6_112])
  assert.equal(last.sha256.slice(0, 16), '73894dee7414f413')
})
