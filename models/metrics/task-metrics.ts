import type { TaskKind } from '../spec/tasks.ts'
import { auc, gauc, type Scored } from './auc.ts'
import { calibrationError, calibrationRatio, logLoss, normalizedEntropy } from './calibration.ts'

/** Rows of one task whose label is known. `scores` are probabilities, or values of a `value` task. */
export interface TaskRows extends Scored {
  readonly users: ArrayLike<number>
  /** Rate of positives (mean of values) in the training rows. */
  readonly baseRate: number
}

/** Every metric of one task, by name. */
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
