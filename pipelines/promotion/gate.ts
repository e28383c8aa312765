/** What the newest unseen slice says of one task. */
export interface TaskEvidence {
  readonly task: string
  /** Known labels, and those above 0, on the slice. */
  readonly known: number
  readonly positives: number
  /** Challenger's log loss (or squared error) over that of the training base rate; below 1 beats knowing only the rate. */
  readonly challengerEntropy: number
  /** Challenger minus champion on the same rows, 95 % interval over users; null where there is no champion. */
  readonly difference: { readonly low: number; readonly mean: number; readonly high: number } | null
}

export interface GateLimits {
  /** A task with fewer known positives, or fewer known negatives, is shown and not judged. */
  readonly leastOfEachClass: number
  /** How much worse than the champion a task may be, in normalised entropy, before noise is taken off. */
  readonly tolerance: number
}

export const defaultGateLimits: GateLimits = { leastOfEachClass: 50, tolerance: 0.002 }

export interface Verdict {
  readonly promote: boolean
  /** One line a task, and one for the whole: what was seen, and what was made of it. */
  readonly reasons: readonly string[]
}

const fixed = (value: number) => value.toFixed(4)

/**
 * Decides whether a challenger may serve. It is refused when a judged task is worse than the champion by more than the
 * tolerance beyond noise (the interval's lower end), when the judged tasks are on average no better than the training
 * base rate, or when anything is not finite. Being no better than the champion is no reason: it has seen newer data.
 */
export function gate(evidence: readonly TaskEvidence[], limits: GateLimits): Verdict {
  const lines = evidence.map((task) => judge(task, limits))
  const judged = evidence.filter((task) => isJudged(task, limits))
  const mean = judged.reduce((sum, { challengerEntropy }) => sum + challengerEntropy, 0) / judged.length
  const learnt =
    judged.length === 0
      ? {
          ok: true,
          reason:
            'no task has enough of both classes to be judged on the unseen slice; only finite scores were checked',
        }
      : {
          ok: mean < 1,
          reason: `mean normalised entropy of ${judged.length} judged tasks is ${fixed(mean)}, ${mean < 1 ? 'better' : 'no better'} than the training base rates`,
        }
  const all = [...lines, learnt]
  return { promote: all.every(({ ok }) => ok), reasons: all.map(({ reason }) => reason) }
}

const isJudged = ({ known, positives }: TaskEvidence, { leastOfEachClass }: GateLimits) =>
  positives >= leastOfEachClass && known - positives >= leastOfEachClass

function judge(task: TaskEvidence, limits: GateLimits): { ok: boolean; reason: string } {
  const { challengerEntropy, difference } = task
  const numbers = [challengerEntropy, ...(difference === null ? [] : Object.values(difference))]
  if (task.known > 0 && !numbers.every(Number.isFinite)) {
    return { ok: false, reason: `${task.task}: refused, a score or metric is not finite` }
  }
  if (!isJudged(task, limits)) {
    return { ok: true, reason: `${task.task}: not judged, ${task.positives} positives of ${task.known} are too few` }
  }
  if (difference === null) {
    return {
      ok: true,
      reason: `${task.task}: normalised entropy ${fixed(challengerEntropy)}, no active version to compare with`,
    }
  }
  const interval = `${fixed(difference.mean)} (${fixed(difference.low)} to ${fixed(difference.high)}) against the active version`
  return difference.low > limits.tolerance
    ? { ok: false, reason: `${task.task}: refused, worse beyond noise: normalised entropy ${interval}` }
    : { ok: true, reason: `${task.task}: normalised entropy ${interval}` }
}
