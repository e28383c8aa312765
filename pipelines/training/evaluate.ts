import { taskMetrics } from '../../models/metrics/task-metrics.ts'
import { type TaskSpec, taskKind } from '../../models/spec/tasks.ts'
import type { EncodedExamples } from './encoded-examples.ts'

/** Scores of examples `rows`, [rows, tasks]: probabilities, or values. */
export interface Evaluated {
  readonly rows: Int32Array
  readonly scores: Float32Array
}

/** Mean of each task's known labels over `rows`. */
export function baseRates(tasks: readonly TaskSpec[], examples: EncodedExamples, rows: Int32Array): number[] {
  return tasks.map((_, t) => {
    let [count, sum] = [0, 0]
    for (const row of rows) {
      const at = row * tasks.length + t
      count += examples.known[at]!
      sum += examples.known[at]! * examples.labels[at]!
    }
    return count === 0 ? 0 : sum / count
  })
}

/** Logits -> probabilities; values stay. In place. */
export function toScores(tasks: readonly TaskSpec[], logits: Float32Array): Float32Array {
  for (let i = 0; i < logits.length; i++) {
    if (taskKind(tasks[i % tasks.length]!) === 'binary') logits[i] = 1 / (1 + Math.exp(-logits[i]!))
  }
  return logits
}

/** Metrics by task name, each over the rows whose label is known. */
export function evaluate(
  tasks: readonly TaskSpec[],
  examples: EncodedExamples,
  { rows, scores }: Evaluated,
  rates: readonly number[],
): Record<string, Record<string, number>> {
  return Object.fromEntries(
    tasks.map((task, t) => {
      const at = [...rows.keys()].filter((i) => examples.known[rows[i]! * tasks.length + t] === 1)
      const pick = (read: (i: number) => number) => Float64Array.from(at, read)
      const metrics = taskMetrics(taskKind(task), {
        labels: pick((i) => examples.labels[rows[i]! * tasks.length + t]!),
        scores: pick((i) => scores[i * tasks.length + t]!),
        users: pick((i) => examples.users[rows[i]!]!),
        groups: pick((i) => examples.slates[rows[i]!]!),
        baseRate: rates[t]!,
      })
      return [task.name, metrics]
    }),
  )
}
