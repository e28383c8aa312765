import { createNetwork, type Network } from '../../models/architectures/network.ts'
import type { Device } from '../../models/engine/device.ts'
import { normalizedEntropy } from '../../models/metrics/calibration.ts'
import { type Calibration, plattScaling, uncalibrated } from '../../models/objectives/calibration.ts'
import { Fault } from '../../models/spec/fault.ts'
import { layoutOf } from '../../models/spec/layout.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { SlateExamples } from '../../models/spec/slate.ts'
import { createFirstPass } from '../../models/spec/statistics.ts'
import { taskKind } from '../../models/spec/tasks.ts'
import { type EncodedExamples, encodeExamples, withNumberStatistics } from './encoded-examples.ts'
import { baseRates, evaluate, toScores } from './evaluate.ts'
import { fit, type TrainedWeights } from './fit.ts'
import type { ExampleSource, ReportProgress } from './ports.ts'
import { createExampleScorer } from './score-examples.ts'
import type { VersionContent } from './version.ts'

export interface TrainingContext {
  readonly definition: RankerDefinition
  readonly source: ExampleSource
  readonly device: Device
  readonly threads: number
  /** The version that this one follows. */
  readonly parent: string | null
  readonly report: ReportProgress
}

/** A version before it is written, and the unseen slice that it was measured on. */
export interface TrainedVersion {
  readonly content: VersionContent
  readonly network: Network
  readonly weights: TrainedWeights
  readonly holdout: Holdout
}
export interface Holdout {
  /** In time order; every impression is an example, in the order of `labels`. */
  readonly slates: readonly SlateExamples[]
  /** [examples, tasks] */
  readonly labels: Float32Array
  readonly known: Float32Array
  readonly scores: Float32Array
  readonly users: Int32Array
  /** By task, of the training rows. */
  readonly baseRates: readonly number[]
}

/** Newest share of the examples: measured on, never learnt. */
const holdoutShare = 0.15
/** Newest share of the rest: decides when to stop, and calibrates. */
const validationShare = 0.1
/** Fewer examples say nothing. */
const leastExamples = 200
/** A task with fewer positives, or negatives, in the validation slice has no say in when to stop: at best, and at least. */
const leastOfEachClass = [100, 10]
const goldenSlates = 3

/**
 * Trains a version: examples in time order are cut into what is learnt, a newer slice that decides when to stop, and the
 * newest, on which the version is measured. Faults `TRAINING_NO_EXAMPLES`, `TRAINING_NOT_FINITE`.
 */
export async function train(context: TrainingContext): Promise<TrainedVersion> {
  const { definition, report, device, threads } = context
  const { slates, from, to } = await readSlates(context)
  const cuts = cutInTime(slates)
  report({ stage: 'encoding', done: 0, of: cuts.total })
  const pass = createFirstPass(definition)
  for (const slate of slates.slice(0, cuts.holdoutSlate)) pass.add(slate)
  const first = pass.finish()
  const examples = encodeExamples(definition, first, slates)
  const statistics = withNumberStatistics(layoutOf(definition), first, examples, cuts.holdout)
  const network = createNetwork(definition, statistics)
  const range = (start: number, end: number) => Int32Array.from({ length: end - start }, (_, i) => start + i)
  const rows = {
    train: range(0, cuts.validation),
    validation: range(cuts.validation, cuts.holdout),
    learnt: range(0, cuts.holdout),
    holdout: range(cuts.holdout, cuts.total),
  }
  const scorer = await createExampleScorer(definition, network, examples, { device, threads })
  try {
    const shared = { definition, network, examples, device, threads, seed: definition.training.seed }
    const chosen = await chooseEpochs()
    const weights = await fit({
      ...shared,
      rows: rows.learnt,
      epochs: chosen.epochs,
      afterEpoch: async (epoch) => {
        report({
          stage: 'training',
          done: chosen.tried + epoch,
          of: chosen.tried + chosen.epochs,
          note: `pass ${epoch} of ${chosen.epochs} over all that may be learnt`,
        })
        return true
      },
    })
    report({ stage: 'evaluating', done: 0, of: rows.holdout.length })
    const rates = baseRates(definition.tasks, examples, rows.learnt)
    const scores = calibrated(definition, await scorer.score(weights, rows.holdout), chosen.calibration)
    const held = slates.slice(cuts.holdoutSlate)
    return {
      content: {
        ranker: definition.name,
        definition,
        statistics,
        calibration: Object.fromEntries(definition.tasks.map(({ name }, t) => [name, chosen.calibration[t]!])),
        metrics: evaluate(definition.tasks, examples, { rows: rows.holdout, scores }, rates),
        parent: context.parent,
        trainedFromMs: from,
        trainedToMs: held[0]?.input.occurredAtMs ?? to,
        examples: rows.learnt.length,
        epochs: chosen.epochs,
        golden: goldenOf(held, scores, definition.tasks.length),
      },
      network,
      weights,
      holdout: {
        slates: held,
        ...holdoutLabels(examples, rows.holdout, definition.tasks.length),
        scores,
        baseRates: rates,
      },
    }

    /** Passes over the training slice until the validation slice stops getting better. */
    async function chooseEpochs() {
      const rates = baseRates(definition.tasks, examples, rows.train)
      let best = {
        epochs: 1,
        entropy: Number.POSITIVE_INFINITY,
        calibration: definition.tasks.map((): Calibration => uncalibrated),
      }
      let tried = 0
      const { epochs, patience } = definition.training
      await fit({
        ...shared,
        rows: rows.train,
        epochs,
        async afterEpoch(epoch, snapshot) {
          tried = epoch
          const logits = await scorer.score(await snapshot(), rows.validation)
          const entropy = meanEntropy(definition, examples, rows.validation, logits.slice(), rates)
          if (epoch === 1 || entropy === null || entropy < best.entropy) {
            const calibration = calibrate(definition, examples, rows.validation, logits)
            best = { epochs: epoch, entropy: entropy ?? best.entropy, calibration }
          }
          const seen =
            entropy === null ? 'no task is large enough' : `validation normalised entropy ${entropy.toFixed(4)}`
          report({ stage: 'training', done: epoch, of: epochs * 2, note: `pass ${epoch}, ${seen}` })
          return epoch < best.epochs + patience
        },
      })
      return { ...best, tried }
    }
  } finally {
    await scorer.close()
  }
}

/** Slates of which some task's window has closed: of the others nothing is known yet. */
async function readSlates({ definition, source, report }: TrainingContext) {
  const range = await source.range(definition.name)
  if (range === null || range.impressions < leastExamples) throw tooFew(definition, range?.impressions ?? 0)
  const shortestMs = Math.min(...definition.tasks.map(({ windowMs }) => windowMs))
  const slates: SlateExamples[] = []
  let done = 0
  for await (const page of source.read(definition.name, range)) {
    slates.push(...page.filter(({ input, watermarkMs }) => input.occurredAtMs + shortestMs <= watermarkMs))
    done += countOf(page)
    report({ stage: 'reading', done, of: range.impressions })
  }
  if (countOf(slates) < leastExamples) throw tooFew(definition, countOf(slates))
  return { slates, from: slates[0]!.input.occurredAtMs, to: range.toMs }
}

const countOf = (slates: readonly SlateExamples[]) =>
  slates.reduce((sum, { impressions }) => sum + impressions.length, 0)

const tooFew = ({ name }: RankerDefinition, count: number) =>
  new Fault(
    'TRAINING_NO_EXAMPLES',
    `Ranker "${name}" has ${count} examples whose time for feedback is over, fewer than ${leastExamples}. Send slates, impressions and feedback to POST /v1/events first.`,
    { status: 409 },
  )

/** Indices of the first example of each slice, and of the holdout's first slate; a cut lies between two moments. */
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
  return { total, holdout: holdout.example, holdoutSlate: holdout.slate, validation: validation.example }
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

function calibrated(
  { tasks }: RankerDefinition,
  logits: Float32Array,
  calibrations: readonly Calibration[],
): Float32Array {
  const shifted = logits.map(
    (logit, i) => logit * calibrations[i % tasks.length]!.scale + calibrations[i % tasks.length]!.shift,
  )
  return toScores(tasks, shifted)
}

function holdoutLabels(examples: EncodedExamples, rows: Int32Array, tasks: number) {
  const first = rows[0] ?? 0
  const end = first + rows.length
  return {
    labels: examples.labels.slice(first * tasks, end * tasks),
    known: examples.known.slice(first * tasks, end * tasks),
    users: examples.users.slice(first, end),
  }
}

/** The holdout's first slates, cut to their impressions, with the scores they must get. */
function goldenOf(slates: readonly SlateExamples[], scores: Float32Array, tasks: number): VersionContent['golden'] {
  let example = 0
  const chosen = slates.slice(0, goldenSlates).map(({ input, impressions }) => {
    const from = example
    example += impressions.length
    return {
      input: { ...input, candidates: impressions.map(({ candidate }) => input.candidates[candidate]!) },
      scores: [...scores.subarray(from * tasks, example * tasks)],
    }
  })
  return { inputs: chosen.map(({ input }) => input), scores: chosen.map((each) => each.scores) }
}
