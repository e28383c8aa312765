import type { Random } from '../../models/engine/random.ts'
import { bootstrapOverUsers } from '../../models/metrics/bootstrap.ts'
import { type TaskSpec, taskKind } from '../../models/spec/tasks.ts'
import type { Holdout } from '../training/holdout.ts'
import type { TaskEvidence } from './gate.ts'

/** What the version that serves makes of the challenger's unseen slice. */
export interface ChampionScores {
  readonly tasks: readonly string[]
  /** [examples, champion's tasks] */
  readonly scores: Float32Array
  /** Examples from this one on are unseen by the champion too; the pair is compared on those alone. */
  readonly unseenFrom: number
}

const replicas = 400
const clip = 1e-7

/** Compares challenger and champion row by row, task by task, on the slice that neither has learnt. */
export function collectEvidence(
  tasks: readonly TaskSpec[],
  holdout: Holdout,
  champion: ChampionScores | null,
  random: Random,
): TaskEvidence[] {
  return tasks.map((task, t) => {
    const lossOf = taskKind(task) === 'binary' ? logLossOf : squaredErrorOf
    const rows = [...holdout.users.keys()].filter((row) => holdout.known[row * tasks.length + t] === 1)
    const labels = rows.map((row) => holdout.labels[row * tasks.length + t]!)
    const losses = rows.map((row, i) => lossOf(labels[i]!, holdout.scores[row * tasks.length + t]!))
    const base = labels.map((label) => lossOf(label, holdout.baseRates[t]!))
    return {
      task: task.name,
      known: rows.length,
      positives: labels.filter((label) => label > 0).length,
      challengerEntropy: sum(losses) / sum(base),
      difference: champion === null ? null : differenceOf(champion),
    }

    function differenceOf({ tasks: names, scores, unseenFrom }: ChampionScores): TaskEvidence['difference'] {
      const own = names.indexOf(task.name)
      const shared = [...rows.keys()].filter((i) => rows[i]! >= unseenFrom)
      if (own === -1 || shared.length === 0) return null
      const better = shared.map((i) => losses[i]! - lossOf(labels[i]!, scores[rows[i]! * names.length + own]!))
      const known = shared.map((i) => base[i]!)
      const users = shared.map((i) => holdout.users[rows[i]!]!)
      return bootstrapOverUsers(users, (times) => weighted(better, times) / weighted(known, times), {
        replicas,
        random: random.fork(task.name),
      })
    }
  })
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const weighted = (values: readonly number[], times: ArrayLike<number>) =>
  values.reduce((total, value, i) => total + value * times[i]!, 0)

function logLossOf(label: number, score: number): number {
  const probability = Math.min(Math.max(score, clip), 1 - clip)
  return label === 1 ? -Math.log(probability) : -Math.log(1 - probability)
}
const squaredErrorOf = (label: number, score: number) => (label - score) ** 2
