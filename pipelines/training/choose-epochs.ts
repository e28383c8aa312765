import { normalizedEntropy } from '../../models/metrics/calibration.ts'
import { type Calibration, plattScaling, uncalibrated } from '../../models/objectives/calibration.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import { taskKind } from '../../models/spec/tasks.ts'
import type { EncodedExamples } from './encoded-examples.ts'
import { baseRates, toScores } from './evaluate.ts'
import { type FitOptions, fit } from './fit.ts'
import type { ReportProgress } from './ports.ts'
import type { ExampleScorer } from './score-examples.ts'

/** After how many passes the validation slice was best, and what it said then. */
export interface ChosenEpochs {
  readonly epochs: number
  /** Null where no task is large enough to go by. */
  readonly entropy: number | null
  /** By task. */
  readonly calibration: readonly Calibration[]
  /** Passes made in all. */
  readonly tried: number
}

export interface Choosing extends Omit<FitOptions, 'epochs' | 'keeper' | 'afterEpoch'> {
  /** Decides when to stop. */
  readonly validation: Int32Array
  readonly scorer: ExampleScorer
  readonly report: ReportProgress
  /** The best of the passes before `from`. */
  readonly best: ChosenEpochs | null
  keeperOf(chosen: () => ChosenEpochs | null): FitOptions['keeper']
}

/** A task with fewer positives, or negatives, in the validation slice has no say in when to stop: at best, and at least. */
const leastOfEachClass = [100, 10]

/** Passes over `rows` until the validation slice stops getting better. */
export async function chooseEpochs(choosing: Choosing): Promise<ChosenEpochs> {
  const { definition, examples, rows, validation, scorer, report } = choosing
  const rates = baseRates(definition.tasks, examples, rows)
  const { epochs, patience } = definition.training
  let { best } = choosing
  await fit({
    ...choosing,
    epochs,
    keeper: choosing.keeperOf(() => best),
    async afterEpoch(epoch, snapshot) {
      const logits = await scorer.score(await snapshot(), validation)
      const entropy = meanEntropy(definition, examples, validation, logits.slice(), rates)
      if (best === null || entropy === null || entropy < (best.entropy ?? Number.POSITIVE_INFINITY)) {
        const calibration = calibrate(definition, examples, validation, logits)
        best = { epochs: epoch, entropy: entropy ?? best?.entropy ?? null, calibration, tried: epoch }
      } else best = { ...best, tried: epoch }
      const seen = entropy === null ? 'no task is large enough' : `validation normalised entropy ${entropy.toFixed(4)}`
      report({ stage: 'training', done: epoch, of: epochs * 2, note: `pass ${epoch}, ${seen}` })
      return epoch < best.epochs + patience
    },
  })
  return best!
}

/** Labels and logits of one task's known rows. */
function knownRows(
  { tasks }: RankerDefinition,
  examples: EncodedExamples,
  rows: Int32Array,
  scores: Float32Array,
  task: number,
) {
  const at = [...rows.keys()].filter((i) => examples.known[rows[i]! * tasks.length + task] === 1)
  return {
    labels: Float64Array.from(at, (i) => examples.labels[rows[i]! * tasks.length + task]!),
    scores: Float64Array.from(at, (i) => scores[i * tasks.length + task]!),
  }
}

/**
 * Mean over tasks with a weight in the order and enough of both classes; where the slice is so small that no task has, over
 * those with a few. Null without any: there is nothing to go by then, and all passes are made.
 */
function meanEntropy(
  definition: RankerDefinition,
  examples: EncodedExamples,
  rows: Int32Array,
  logits: Float32Array,
  rates: readonly number[],
): number | null {
  const scores = toScores(definition.tasks, logits)
  const judged = definition.tasks.flatMap((task, t) => {
    if (taskKind(task) === 'value' || (task.scoreWeight ?? 0) <= 0) return []
    const scored = knownRows(definition, examples, rows, scores, t)
    const positives = scored.labels.reduce((sum, label) => sum + label, 0)
    const rarer = Math.min(positives, scored.labels.length - positives)
    return [{ rarer, entropy: normalizedEntropy(scored, rates[t]!) }]
  })
  for (const least of leastOfEachClass) {
    const large = judged.filter(({ rarer }) => rarer >= least)
    if (large.length > 0) return large.reduce((sum, { entropy }) => sum + entropy, 0) / large.length
  }
  return null
}

const calibrate = (
  definition: RankerDefinition,
  examples: EncodedExamples,
  rows: Int32Array,
  logits: Float32Array,
): Calibration[] =>
  definition.tasks.map((task, t) => {
    if (taskKind(task) === 'value') return uncalibrated
    const { labels, scores } = knownRows(definition, examples, rows, logits, t)
    return plattScaling(scores, labels)
  })
