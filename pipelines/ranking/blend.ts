import { Fault } from '../../models/spec/fault.ts'
import type { TaskSpec } from '../../models/spec/tasks.ts'

/** Weights of tasks in one order, by task. */
export type Objective = Readonly<Record<string, number>>

/** Each task's weight: the request's `objective` where it names the task, 0 where it does not, else the definition's. */
export function blendWeights(tasks: readonly TaskSpec[], objective: Objective | undefined): readonly number[] {
  if (objective === undefined) return tasks.map(({ scoreWeight = 0 }) => scoreWeight)
  const unknown = Object.keys(objective).find((name) => !tasks.some((task) => task.name === name))
  if (unknown !== undefined) {
    const names = tasks.map(({ name }) => name).join(', ')
    throw new Fault('RANK_TASK_UNKNOWN', `"${unknown}" is no task of this ranker; its tasks are ${names}.`, {
      path: `/objective/${unknown}`,
      status: 400,
    })
  }
  return tasks.map(({ name }) => objective[name] ?? 0)
}

export interface ScoredCandidate {
  readonly itemId: string
  /** Sum over tasks of weight * score. */
  readonly score: number
  readonly tasks: Readonly<Record<string, number>>
}

/** Candidates best first; equal scores by item id, so that the same scores give the same order. */
export function blend(
  tasks: readonly TaskSpec[],
  itemIds: readonly string[],
  scores: Float32Array,
  weights: readonly number[],
): ScoredCandidate[] {
  const scored = itemIds.map((itemId, candidate) => {
    const own = scores.subarray(candidate * tasks.length, (candidate + 1) * tasks.length)
    const broken = own.findIndex((score) => !Number.isFinite(score))
    if (broken !== -1) {
      throw new Fault(
        'RANK_SCORE_NOT_FINITE',
        `The score of task "${tasks[broken]!.name}" is not a number; activate an earlier version.`,
        { status: 503 },
      )
    }
    const blended = own.reduce((sum, score, t) => sum + weights[t]! * score, 0)
    if (!Number.isFinite(blended)) {
      throw new Fault(
        'RANK_WEIGHTS_TOO_LARGE',
        'The weights of the tasks blend into no finite score; send smaller ones.',
        {
          path: '/objective',
          status: 400,
        },
      )
    }
    return {
      itemId,
      score: blended,
      tasks: Object.fromEntries(tasks.map(({ name }, t) => [name, own[t]!])),
    }
  })
  return scored.sort((a, b) => b.score - a.score || (a.itemId < b.itemId ? -1 : a.itemId > b.itemId ? 1 : 0))
}
