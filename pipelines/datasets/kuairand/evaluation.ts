import { createNetwork } from '../../../models/architectures/network.ts'
import type { Device } from '../../../models/engine/device.ts'
import { createRandom } from '../../../models/engine/random.ts'
import {
  bootstrapOverUsers,
  createWeightedAuc,
  createWeightedGauc,
  type Interval,
} from '../../../models/metrics/bootstrap.ts'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import { createFirstPass } from '../../../models/spec/statistics.ts'
import { type EncodedExamples, encodeExamples, withNumberStatistics } from '../../training/encoded-examples.ts'
import { baseRates, evaluate, toScores } from '../../training/evaluate.ts'
import { fit } from '../../training/fit.ts'
import { createExampleScorer } from '../../training/score-examples.ts'
import type { KuairandFrame } from './frame.ts'

/** One metric over seeds: its interval over users is of the mean over seeds. */
export interface Measured extends Interval {
  /** Standard deviation over seeds. */
  readonly deviation: number
}
export interface TaskResult {
  readonly task: string
  readonly positives: number
  readonly auc: Measured
  readonly gauc: Measured
  /** Means over seeds. */
  readonly normalizedEntropy: number
  readonly calibrationError: number
}

export interface EvaluationOptions {
  readonly seeds: number
  readonly device: Device
  readonly threads: number
  report(seed: number, epoch: number): void
}

const replicas = 500

/**
 * Learns the days before the test slice with each seed, by the definition's own number of passes, and measures the test
 * slice: it is looked at once, after everything else is fixed.
 */
export async function evaluateKuairand(
  frame: KuairandFrame,
  definition: RankerDefinition,
  { seeds, device, threads, report }: EvaluationOptions,
): Promise<readonly TaskResult[]> {
  const learnt = Int32Array.from([...frame.train, ...frame.validation]).sort()
  const { examples, network } = encode(frame, definition, learnt)
  const rates = baseRates(definition.tasks, examples, learnt)
  const scorer = await createExampleScorer(definition, network, examples, { device, threads })
  const runs: { scores: Float32Array; metrics: Record<string, Record<string, number>> }[] = []
  try {
    for (let seed = 1; seed <= seeds; seed++) {
      const weights = await fit({
        definition,
        network,
        examples,
        rows: learnt,
        epochs: definition.training.epochs,
        seed,
        device,
        threads,
        async afterEpoch(epoch) {
          report(seed, epoch)
          return true
        },
      })
      const scores = toScores(definition.tasks, await scorer.score(weights, frame.test))
      runs.push({ scores, metrics: evaluate(definition.tasks, examples, { rows: frame.test, scores }, rates) })
    }
  } finally {
    await scorer.close()
  }
  return definition.tasks.map(({ name }, t) => {
    const of = (metric: string) => runs.map(({ metrics }) => metrics[name]![metric]!)
    const measured = taskScores(definition, frame, examples, t)
    const intervals = measured(runs.map(({ scores }) => scores))
    return {
      task: name,
      positives: of('positives')[0]!,
      auc: { ...intervals.auc, deviation: deviationOf(of('auc')) },
      gauc: { ...intervals.gauc, deviation: deviationOf(of('gauc')) },
      normalizedEntropy: mean(of('normalizedEntropy')),
      calibrationError: mean(of('calibrationError')),
    }
  })
}

/** Statistics are those of the learnt rows; the test rows are encoded with them. */
function encode(frame: KuairandFrame, definition: RankerDefinition, learnt: Int32Array) {
  const pass = createFirstPass(definition)
  for (const row of learnt) pass.add(frame.slates[row]!)
  const first = pass.finish()
  const { layout } = createNetwork(definition, first)
  const own = encodeExamples(
    definition,
    first,
    Array.from(learnt, (row) => frame.slates[row]!),
  )
  const statistics = withNumberStatistics(layout, first, own, own.count)
  return {
    examples: encodeExamples(definition, statistics, frame.slates),
    network: createNetwork(definition, statistics),
  }
}

function taskScores({ tasks }: RankerDefinition, { test }: KuairandFrame, examples: EncodedExamples, task: number) {
  const labels = Array.from(test, (row) => examples.labels[row * tasks.length + task]!)
  const users = Array.from(test, (row) => examples.users[row]!)
  return (runs: readonly Float32Array[]) => {
    const scored = runs.map((scores) => ({
      labels,
      scores: Float64Array.from(labels, (_, i) => scores[i * tasks.length + task]!),
    }))
    const aucs = scored.map(createWeightedAuc)
    const gaucs = scored.map((run) => createWeightedGauc(run, users))
    const random = createRandom(1).fork(tasks[task]!.name)
    const over = (measures: readonly ((times: Float64Array) => number)[]) =>
      bootstrapOverUsers(users, (times) => mean(measures.map((measure) => measure(times))), { replicas, random })
    return { auc: over(aucs), gauc: over(gaucs) }
  }
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

function deviationOf(values: readonly number[]): number {
  const center = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2, 0) / Math.max(1, values.length - 1))
}
