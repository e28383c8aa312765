import type { QuantizationBounds } from '../../models/spec/engine-settings.ts'
import type { TaskKind } from '../../models/spec/tasks.ts'
import { defaultGateLimits } from '../promotion/gate.ts'
import type { ScoreChange } from './score-agreement.ts'

/** What int8 does to one task. */
export interface QuantizedTask {
  readonly name: string
  readonly kind: TaskKind
  readonly change: ScoreChange
  /** Of the float32 scores, in absolute value. */
  readonly largestScore: number
  readonly before: Readonly<Record<string, number>>
  readonly after: Readonly<Record<string, number>>
}

interface JudgedMetric {
  readonly name: string
  readonly better: 'higher' | 'lower'
  /** A mean over groups, as many as this other metric says. */
  readonly over?: string
}

/**
 * Measures of calibration are not judged: bins and sums move without anything being lost, and what is lost shows in the
 * log loss.
 */
const judged: Readonly<Record<TaskKind, readonly JudgedMetric[]>> = {
  binary: [
    { name: 'auc', better: 'higher' },
    { name: 'logLoss', better: 'lower' },
    { name: 'normalizedEntropy', better: 'lower' },
    { name: 'gauc', better: 'higher', over: 'gaucUsers' },
    ...['ndcg', 'mrr', 'recall'].map((name): JudgedMetric => ({ name, better: 'higher', over: 'slates' })),
  ],
  value: ['mae', 'rmse'].map((name) => ({ name, better: 'lower' })),
}

const fixed = (value: number) => value.toFixed(4)

/**
 * Why a task does not allow int8, a line each. Values have no scale of their own: a change of their scores counts as a
 * share of the largest, and of their errors as a share of float32's.
 */
export function refusalsOf(task: QuantizedTask, bounds: QuantizationBounds): string[] {
  return [...refusedScores(task, bounds), ...refusedMetrics(task, bounds)]
}

function refusedScores(
  { name, kind, change: { most, mean }, largestScore }: QuantizedTask,
  bounds: QuantizationBounds,
) {
  if (!Number.isFinite(mean)) return [`${name}: a score is not finite`]
  const change = kind === 'value' && largestScore > 0 ? most / largestScore : most
  const of = kind === 'value' ? ' of the largest' : ''
  return change > bounds.mostScoreChange
    ? [`${name}: a score changes by ${fixed(change)}${of}, more than ${bounds.mostScoreChange}`]
    : []
}

function refusedMetrics({ name: task, kind, before, after }: QuantizedTask, { mostMetricLoss }: QuantizationBounds) {
  const { examples = 0, positives = 0 } = after
  const fewest = kind === 'value' ? examples : Math.min(positives, examples - positives)
  if (fewest < defaultGateLimits.leastOfEachClass) return []
  return judged[kind].flatMap(({ name, better, over }) => {
    // Where one group alone can move the mean by more than the bound, the mean says nothing.
    if (over !== undefined && after[over]! * mostMetricLoss < 1) return []
    const [was, is] = [before[name]!, after[name]!]
    const worse = better === 'higher' ? was - is : is - was
    // Not "is worse than": what is no number is no good either, unless it was none before.
    return worse <= mostMetricLoss * (kind === 'value' ? was : 1) || Number.isNaN(was)
      ? []
      : [`${task}: ${name} goes from ${fixed(was)} to ${fixed(is)}, worse by more than ${mostMetricLoss}`]
  })
}
