import { taskMetrics } from '../../models/metrics/task-metrics.ts'
import type { QuantizationBounds } from '../../models/spec/engine-settings.ts'
import type { RankingInput } from '../../models/spec/slate.ts'
import { type TaskSpec, taskKind } from '../../models/spec/tasks.ts'
import type { Holdout } from './holdout.ts'
import { refusalsOf } from './quantization-bounds.ts'
import { type ScoreChange, sameOrder, scoreChanges } from './score-agreement.ts'

export type TaskMetrics = Readonly<Record<string, Readonly<Record<string, number>>>>

/** What int8 costs a version, measured by running its int8 graphs on examples that it has not learnt. */
export interface Quantization {
  readonly precision: 'int8'
  /** Why the version has no int8 graphs, a line each; empty where it has. */
  readonly refusals: readonly string[]
  readonly bounds: QuantizationBounds
  /** Weights that the int8 graphs multiply in 8 bits. */
  readonly weights: readonly string[]
  /** Examples that it was measured on. */
  readonly examples: number
  /** By task: absolute differences of calibrated scores. */
  readonly scoreChanges: Readonly<Record<string, ScoreChange>>
  /** Share of the pairs of one slate that int8 leaves in their order; not finite where there are none. */
  readonly sameOrder: number
  /** By task, by metric: of the int8 graphs, and those less what float32 has on the same examples. */
  readonly metrics: TaskMetrics
  readonly metricChanges: TaskMetrics
}

/** More say no more, and take longer. */
const mostExamples = 20_000

/** Compares int8 scores, as `score` gives them, with the slice's own. */
export async function measureQuantization(
  tasks: readonly TaskSpec[],
  unseen: Holdout,
  bounds: QuantizationBounds,
  weights: readonly string[],
  score: (input: RankingInput) => Promise<Float32Array>,
): Promise<Quantization> {
  const slice = sampleOf(unseen, mostExamples)
  const scores = new Float32Array(slice.scores.length)
  let example = 0
  for (const { input, impressions } of slice.slates) {
    const candidates = impressions.map(({ candidate }) => input.candidates[candidate]!)
    scores.set(await score({ ...input, candidates }), example * tasks.length)
    example += impressions.length
  }
  const [before, metrics] = [metricsOf(tasks, slice, slice.scores), metricsOf(tasks, slice, scores)]
  const changes = scoreChanges(tasks, slice.scores, scores)
  const sizes = slice.slates.map(({ impressions }) => impressions.length)
  return {
    precision: 'int8',
    refusals: tasks.flatMap((task, t) => {
      const largestScore = slice.scores.reduce(
        (most, s, i) => (i % tasks.length === t ? Math.max(most, Math.abs(s)) : most),
        0,
      )
      const { name } = task
      const measured = { name, kind: taskKind(task), change: changes[name]!, largestScore }
      return refusalsOf({ ...measured, before: before[name]!, after: metrics[name]! }, bounds)
    }),
    bounds,
    weights,
    examples: slice.users.length,
    scoreChanges: changes,
    sameOrder: sameOrder(tasks, sizes, slice.scores, scores),
    metrics,
    metricChanges: changesOf(before, metrics),
  }
}

/** Where there are no int8 graphs to measure. */
export const notMeasured = (bounds: QuantizationBounds, why: string): Quantization => ({
  precision: 'int8',
  refusals: [why],
  bounds,
  weights: [],
  examples: 0,
  scoreChanges: {},
  sameOrder: Number.NaN,
  metrics: {},
  metricChanges: {},
})

/** One line of it, for people, or one a refusal. */
export function quantizationLines({
  refusals,
  scoreChanges: changes,
  metricChanges,
  examples,
}: Quantization): string[] {
  if (refusals.length > 0) return refusals.map((refusal) => `int8 refused, float32 serves: ${refusal}`)
  const [name, { most }] = Object.entries(changes).reduce((a, b) => (b[1].most > a[1].most ? b : a))
  const mean = Object.values(changes).reduce((sum, each) => sum + each.mean, 0) / Object.keys(changes).length
  const aucs = Object.values(metricChanges).flatMap(({ auc }) =>
    auc !== undefined && Number.isFinite(auc) ? [auc] : [],
  )
  const auc = aucs.length === 0 ? '' : `; AUC changes by ${Math.min(...aucs).toFixed(5)} at worst`
  return [
    `int8: scores of ${examples} examples change by at most ${most.toFixed(4)} (${name}), ${mean.toFixed(5)} on average${auc}`,
  ]
}

/** Every so many slates, so that at most `most` examples are left. */
export function sampleOf(unseen: Holdout, most: number): Holdout {
  const every = Math.ceil(unseen.users.length / most)
  if (every <= 1) return unseen
  const tasks = unseen.baseRates.length
  const slates = unseen.slates.filter((_, i) => i % every === 0)
  let example = 0
  const rows = unseen.slates.flatMap(({ impressions }, i) => {
    const from = example
    example += impressions.length
    return i % every === 0 ? impressions.map((_, j) => from + j) : []
  })
  const pick = (all: Float32Array) =>
    Float32Array.from(
      { length: rows.length * tasks },
      (_, i) => all[rows[Math.floor(i / tasks)]! * tasks + (i % tasks)]!,
    )
  return {
    slates,
    labels: pick(unseen.labels),
    known: pick(unseen.known),
    scores: pick(unseen.scores),
    users: Int32Array.from(rows, (row) => unseen.users[row]!),
    baseRates: unseen.baseRates,
  }
}

/** Every metric by task, of the slice under other scores [examples, tasks]. */
export function metricsOf(tasks: readonly TaskSpec[], slice: Holdout, scores: Float32Array): TaskMetrics {
  const slateOf = slice.slates.flatMap(({ impressions }, slate) => impressions.map(() => slate))
  return Object.fromEntries(
    tasks.map((task, t) => {
      const rows = [...slice.users.keys()].filter((row) => slice.known[row * tasks.length + t] === 1)
      const pick = (read: (row: number) => number) => Float64Array.from(rows, read)
      const metrics = taskMetrics(taskKind(task), {
        labels: pick((row) => slice.labels[row * tasks.length + t]!),
        scores: pick((row) => scores[row * tasks.length + t]!),
        users: pick((row) => slice.users[row]!),
        groups: pick((row) => slateOf[row]!),
        baseRate: slice.baseRates[t]!,
      })
      return [task.name, metrics]
    }),
  )
}

const changesOf = (before: TaskMetrics, after: TaskMetrics): TaskMetrics =>
  Object.fromEntries(
    Object.entries(after).map(([task, values]) => [
      task,
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value - before[task]![name]!])),
    ]),
  )
