import type { Impression, JoinedFeedback } from './slate.ts'
import type { TaskSpec } from './tasks.ts'

/** When the label rule may look, event times in ms. */
export interface LabelMoment {
  readonly shownAtMs: number
  /** Feedback is known up to here; a window that ends later is still open. */
  readonly watermarkMs: number
}

/**
 * Labels of one impression and what they weigh, one entry a task: `known` is how many examples the label stands for, and 0
 * while the task's window is open and outside its sample space, where the label is 0 and means nothing.
 */
export function labelsOf(
  tasks: readonly TaskSpec[],
  { feedback, samplingRate = 1 }: Pick<Impression, 'feedback' | 'samplingRate'>,
  moment: LabelMoment,
  labels: Float32Array,
  known: Float32Array,
): void {
  tasks.forEach((task, i) => {
    const isClosed = moment.shownAtMs + task.windowMs <= moment.watermarkMs
    const isDefined = isInSampleSpace(task, tasks, feedback, moment)
    known[i] = isClosed && isDefined ? 1 / samplingRate : 0
    labels[i] = isClosed && isDefined ? labelOf(task, feedback, moment.shownAtMs) : 0
  })
}

/** The label, as far as `feedback` goes. */
function labelOf({ label, windowMs }: TaskSpec, feedback: readonly JoinedFeedback[], shownAtMs: number): number {
  const counted = feedback.filter(
    ({ kind, occurredAtMs }) => kind === label.kind && occurredAtMs <= shownAtMs + windowMs,
  )
  switch (label.rule) {
    case 'happened':
      return counted.length > 0 ? 1 : 0
    case 'atLeast':
      return counted.some(({ value }) => value !== null && value >= label.value) ? 1 : 0
    case 'value': {
      const values = counted.flatMap(({ value }) => (value === null ? [] : [value]))
      const largest = values.length === 0 ? 0 : values.reduce((a, b) => Math.max(a, b))
      const limited = Math.min(largest, label.most ?? Number.POSITIVE_INFINITY)
      return label.transform === 'log' ? Math.log1p(Math.max(limited, 0)) : limited
    }
  }
}

function isInSampleSpace(
  { given }: TaskSpec,
  tasks: readonly TaskSpec[],
  feedback: readonly JoinedFeedback[],
  moment: LabelMoment,
): boolean {
  if (given === undefined) return true
  const condition = tasks.find(({ name }) => name === given)!
  return (
    moment.shownAtMs + condition.windowMs <= moment.watermarkMs &&
    labelOf(condition, feedback, moment.shownAtMs) > 0 &&
    isInSampleSpace(condition, tasks, feedback, moment)
  )
}
