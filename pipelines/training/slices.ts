import { Fault } from '../../models/spec/fault.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { SlateExamples } from '../../models/spec/slate.ts'
import { sampleNegatives } from './sample-negatives.ts'

/** Newest share of the examples: measured on, never learnt. */
const holdoutShare = 0.15
/** Newest share of the rest: decides when to stop, and calibrates. */
const validationShare = 0.1

export const countOf = (slates: readonly SlateExamples[]) =>
  slates.reduce((sum, { impressions }) => sum + impressions.length, 0)

/**
 * Slates in the order of time, with fewer negatives in what is learnt, and where slices begin: the first example of the
 * validation slice and of the holdout, how many there are, and the holdout's first slate. Fault `TRAINING_NO_EXAMPLES`.
 */
export function slicesOf(all: readonly SlateExamples[], { name, training }: RankerDefinition) {
  const cuts = cutInTime(all)
  const learnt = sampleNegatives(all.slice(0, cuts.validation), training.negativeSamplingRate)
  if (learnt.length === 0) {
    throw new Fault(
      'TRAINING_NO_EXAMPLES',
      `At a negativeSamplingRate of ${training.negativeSamplingRate}, ranker "${name}" has no example to learn from; raise it.`,
      { status: 409 },
    )
  }
  const between = all.slice(cuts.validation, cuts.holdout)
  const validation = countOf(learnt)
  const holdout = validation + countOf(between)
  const held = all.slice(cuts.holdout)
  return {
    slates: [...learnt, ...between, ...held],
    validation,
    holdout,
    total: holdout + countOf(held),
    holdoutSlate: learnt.length + between.length,
  }
}

/** The first slate of each slice; a cut lies between two moments. */
function cutInTime(slates: readonly SlateExamples[]) {
  const total = countOf(slates)
  const timeOf = (slate: number) => slates[slate]?.input.occurredAtMs
  const cutAt = (share: number) => {
    let [slate, example] = [0, 0]
    while (slate < slates.length && example + slates[slate]!.impressions.length <= total * share)
      example += slates[slate++]!.impressions.length
    while (slate > 0 && timeOf(slate) === timeOf(slate - 1)) example -= slates[--slate]!.impressions.length
    return { slate, example }
  }
  const holdout = cutAt(1 - holdoutShare)
  const validation = cutAt((1 - holdoutShare) * (1 - validationShare))
  if (validation.example === 0) {
    throw new Fault(
      'TRAINING_NO_EXAMPLES',
      `None of the ${total} examples is older than the newest of them, on which a version is measured. Send slates of more moments first.`,
      { status: 409 },
    )
  }
  return { validation: validation.slate, holdout: holdout.slate }
}
