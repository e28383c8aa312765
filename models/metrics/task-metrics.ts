import type { TaskKind } from '../spec/tasks.ts'
import { auc, gauc } from './auc.ts'
import { calibrationError, calibrationRatio, logLoss, normalizedEntropy } from './calibration.ts'
import { rankingMetrics } from './ranking.ts'
import type { Scored } from './scored.ts'

/** Rows of one task whose label is known. `scores` are probabilities, or values of a `value` task. */
export interface TaskRows extends Scored {
  readonly users: ArrayLike<number>
  /** Index of the slate of each row. */
  readonly groups: ArrayLike<number>
  /** Rate of positives (mean of values) in the training rows. */
  readonly baseRate: number
}

/**
 * Every metric of one task, by name. Of a binary task also, as means over the `slates` slates with a positive and a negative
 * among their rows: `ndcg` and `recall` of the first 10 ranks, and `mrr`.
 */
export function taskMetrics(kind: TaskKind, rows: TaskRows): Record<string, number> {
  const count = rows.labels.length
  if (kind === 'value') return { examples: count, ...valueErrors(rows) }
  const grouped = gauc(rows, rows.users)
  return {
    examples: count,
    positives: Array.from(rows.labels).reduce((sum, label) => sum + label, 0),
    auc: auc(rows),
    gauc: grouped.gauc,
    gaucUsers: grouped.users,
    gaucSkipped: grouped.skipped,
    logLoss: logLoss(rows),
    normalizedEntropy: normalizedEntropy(rows, rows.baseRate),
    calibrationError: calibrationError(rows),
    calibrationRatio: calibrationRatio(rows),
    ...rankingMetrics(rows, rows.groups),
  }
}

/** Mean absolute and root mean squared error. */
export function valueErrors({ labels, scores }: Scored): { mae: number; rmse: number } {
  let [absolute, squared] = [0, 0]
  for (let i = 0; i < labels.length; i++) {
    const error = scores[i]! - labels[i]!
    absolute += Math.abs(error)
    squared += error * error
  }
  return { mae: absolute / labels.length, rmse: Math.sqrt(squared / labels.length) }
}
