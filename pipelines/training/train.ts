import { createNetwork, type Network } from '../../models/architectures/network.ts'
import type { Device, Precision } from '../../models/engine/device.ts'
import type { Calibration } from '../../models/objectives/calibration.ts'
import { Fault } from '../../models/spec/fault.ts'
import { layoutOf } from '../../models/spec/layout.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { SlateExamples } from '../../models/spec/slate.ts'
import { createFirstPass } from '../../models/spec/statistics.ts'
import { type Checkpointing, createKeepers, type ReadExamples } from './checkpoint.ts'
import { chooseEpochs } from './choose-epochs.ts'
import { type EncodedExamples, encodeExamples, withNumberStatistics } from './encoded-examples.ts'
import { baseRates, evaluate, toScores } from './evaluate.ts'
import { fit, type TrainedWeights } from './fit.ts'
import type { Holdout } from './holdout.ts'
import type { ExampleSource, ReportProgress } from './ports.ts'
import { createExampleScorer } from './score-examples.ts'
import { countOf, slicesOf } from './slices.ts'
import { difference, type RunContent, trainingRun } from './training-run.ts'
import type { VersionContent } from './version.ts'
import { type OlderVersion, sayStart, warmStart } from './warm-start.ts'

export interface TrainingContext {
  readonly definition: RankerDefinition
  readonly source: ExampleSource
  readonly device: Device
  readonly threads: number
  /** What matrices are multiplied in while learning; float32 where left out. What is measured is scored in float32. */
  readonly precision?: Precision
  /** The version that this one follows. */
  readonly parent: string | null
  /** The version that weights start from; new ones where it is left out. */
  readonly from?: OlderVersion
  readonly report: ReportProgress
  readonly checkpoints?: Checkpointing
}

/** A version before it is written, and the unseen slice that it was measured on. */
export interface TrainedVersion {
  readonly content: VersionContent
  readonly network: Network
  readonly weights: TrainedWeights
  readonly holdout: Holdout
}

/** Fewer examples say nothing. */
const leastExamples = 200
const goldenSlates = 3

/**
 * Trains a version: examples in time order are cut into what is learnt, a newer slice that decides when to stop, and the
 * newest, on which the version is measured. With a checkpoint of the same training it goes on from there, to the same
 * bytes. Faults `TRAINING_NO_EXAMPLES`, `TRAINING_NOT_FINITE`.
 */
export async function train(context: TrainingContext): Promise<TrainedVersion> {
  const { definition, report, device, threads, precision = 'float32' } = context
  const { slates: all, from, to, read } = await readSlates(context)
  const { slates, ...cuts } = slicesOf(all, definition)
  report({ stage: 'encoding', done: 0, of: cuts.total })
  const pass = createFirstPass(definition)
  for (const slate of slates.slice(0, cuts.holdoutSlate)) pass.add(slate)
  const first = pass.finish()
  // Behind all others: in no slice, and scored at the end.
  const golden = goldenOf(slates.slice(cuts.holdoutSlate))
  const examples = encodeExamples(definition, first, [...slates, ...golden])
  const statistics = withNumberStatistics(layoutOf(definition), first, examples, cuts.holdout)
  const network = createNetwork(definition, statistics)
  const range = (start: number, end: number) => Int32Array.from({ length: end - start }, (_, i) => start + i)
  const rows = {
    train: range(0, cuts.validation),
    validation: range(cuts.validation, cuts.holdout),
    learnt: range(0, cuts.holdout),
    holdout: range(cuts.holdout, cuts.total),
  }
  const shared = { definition, network, examples, device, threads, precision, seed: definition.training.seed }
  const start = context.from === undefined ? undefined : warmStart(context.from, definition, network)
  if (start !== undefined) {
    const note = sayStart(context.from!.version, start)
    report({ stage: 'encoding', done: cuts.total, of: cuts.total, note })
  }
  const { begun, keeperOf } = takeUp(context, read, {
    ...shared,
    statistics,
    startsFrom: context.from?.version ?? null,
  })
  const scorer = await createExampleScorer(definition, network, examples, { device, threads })
  try {
    const chosen =
      begun?.fit === 'learning'
        ? begun.chosen!
        : await chooseEpochs({
            ...shared,
            start,
            from: begun?.state,
            rows: rows.train,
            validation: rows.validation,
            scorer,
            report,
            best: begun?.chosen ?? null,
            keeperOf: (best) => keeperOf('choosing', best),
          })
    const weights = await fit({
      ...shared,
      start,
      from: begun?.fit === 'learning' ? begun.state : undefined,
      rows: rows.learnt,
      epochs: chosen.epochs,
      keeper: keeperOf('learning', () => chosen),
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
    const scoresOf = async (some: Int32Array) =>
      calibrated(definition, await scorer.score(weights, some), chosen.calibration)
    const scores = await scoresOf(rows.holdout)
    const goldenScores = await scoresOf(range(cuts.total, cuts.total + countOf(golden)))
    const held = slates.slice(cuts.holdoutSlate)
    return {
      content: {
        ranker: definition.name,
        definition,
        statistics,
        calibration: Object.fromEntries(definition.tasks.map(({ name }, t) => [name, chosen.calibration[t]!])),
        metrics: evaluate(definition.tasks, examples, { rows: rows.holdout, scores }, rates),
        parent: context.parent,
        ...(context.from === undefined ? {} : { startedFrom: context.from.version }),
        trainedFromMs: from,
        trainedToMs: held[0]?.input.occurredAtMs ?? to,
        examples: rows.learnt.length,
        epochs: chosen.epochs,
        trainedOn: { device: device.name, runtime: device.about.runtime, precision },
        golden: {
          inputs: golden.map(({ input }) => input),
          scores: cutScores(goldenScores, golden, definition.tasks.length),
        },
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
  } finally {
    await scorer.close()
  }
}

/** The checkpoint to go on from, if there is one of this very training, and what makes the next ones. */
function takeUp({ checkpoints, report }: TrainingContext, read: ReadExamples, content: RunContent) {
  if (checkpoints === undefined) return { begun: null, keeperOf: () => undefined }
  const run = trainingRun(content)
  const { kept } = checkpoints
  const changed = kept === null ? null : difference(run, kept.run)
  const begun = changed === null ? kept : null
  if (kept !== null) {
    const step = `step ${kept.state.step} of ${kept.fit === 'choosing' ? 'choosing the passes' : 'learning all'}`
    const note = changed === null ? `goes on after ${step}` : `starts over: ${changed} changed since ${step}`
    report({ stage: 'encoding', done: content.examples.count, of: content.examples.count, note })
  }
  return { begun, keeperOf: createKeepers(checkpoints, { run, read }, begun) }
}

/** Slates of which some task's window has closed: of the others nothing is known yet. */
async function readSlates({ definition, source, report, checkpoints }: TrainingContext) {
  const kept = checkpoints?.kept?.read
  const range = kept ?? (await source.range(definition.name))
  if (range === null || range.impressions < leastExamples) throw tooFew(definition, range?.impressions ?? 0)
  const shortestMs = Math.min(...definition.tasks.map(({ windowMs }) => windowMs))
  const slates: SlateExamples[] = []
  let [done, latestMs] = [0, 0]
  for await (const found of source.read(definition.name, range)) {
    const page = kept === undefined ? found : found.map((slate) => asOf(slate, kept.watermarkMs))
    for (const { watermarkMs } of page) latestMs = Math.max(latestMs, watermarkMs)
    slates.push(...page.filter(({ input, watermarkMs }) => input.occurredAtMs + shortestMs <= watermarkMs))
    done += countOf(page)
    report({ stage: 'reading', done, of: range.impressions })
  }
  if (countOf(slates) < leastExamples) throw tooFew(definition, countOf(slates))
  const { fromMs, toMs, impressions } = range
  const read = { fromMs, toMs, impressions, watermarkMs: latestMs, readAtMs: checkpoints?.readAtMs ?? 0 }
  return { slates, from: slates[0]!.input.occurredAtMs, to: toMs, read }
}

/** A slate as it was known when feedback was known up to `mostMs`. */
const asOf = (slate: SlateExamples, mostMs: number): SlateExamples => ({
  ...slate,
  watermarkMs: Math.min(slate.watermarkMs, mostMs),
})

const tooFew = ({ name }: RankerDefinition, count: number) =>
  new Fault(
    'TRAINING_NO_EXAMPLES',
    `Ranker "${name}" has ${count} examples whose time for feedback is over, fewer than ${leastExamples}. Send slates, impressions and feedback to POST /v1/events first.`,
    { status: 409 },
  )

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

/**
 * The first of these slates, cut to their impressions, by which who opens the version sees that it scores as it did here.
 * A version is kept for long, so there is nothing of a person in it.
 */
const goldenOf = (slates: readonly SlateExamples[]): readonly SlateExamples[] =>
  slates.slice(0, goldenSlates).map(({ input, impressions, ...slate }) => ({
    ...slate,
    input: {
      ...input,
      userId: 'golden',
      user: {},
      history: [],
      userTally: null,
      candidates: impressions.map(({ candidate }) => ({ ...input.candidates[candidate]!, userItemTally: null })),
    },
    impressions: impressions.map((impression, candidate) => ({ ...impression, candidate, feedback: [] })),
  }))

/** Scores [examples, tasks] by slate. */
function cutScores(scores: Float32Array, slates: readonly SlateExamples[], tasks: number): number[][] {
  let end = 0
  return slates.map(({ impressions }) => {
    const start = end
    end += impressions.length * tasks
    return [...scores.subarray(start, end)]
  })
}
