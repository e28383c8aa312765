import { aucStandardError } from '../../models/metrics/auc.ts'

/** What is compared: its name in the metrics, and for people. */
const metrics = [
  ['auc', 'AUC'],
  ['normalizedEntropy', 'normalised entropy'],
  ['calibrationError', 'calibration error'],
] as const

/** One fit: metrics by task, and its scores of the test slice, [rows, tasks]. */
export interface Run {
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly scores: Float32Array
}
/** Fits of one seed, which start alike and see the same batches and masks. */
export interface Pair {
  readonly float32: Run
  readonly bfloat16: Run
}

export interface Spread {
  readonly mean: number
  /** Standard deviation, n - 1 in the denominator; NaN of one value. */
  readonly deviation: number
}
export interface Cost {
  readonly task: string
  readonly metric: string
  readonly float32: Spread
  readonly bfloat16: Spread
  /** bfloat16 minus float32 of the same seed, over seeds. */
  readonly difference: Spread
}

export function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) }
}

export function costsOf(pairs: readonly Pair[]): Cost[] {
  return Object.keys(pairs[0]!.float32.metrics).flatMap((task) =>
    metrics.map(([name, metric]) => {
      const of = (run: Run) => run.metrics[task]![name]!
      return {
        task,
        metric,
        float32: spreadOf(pairs.map(({ float32 }) => of(float32))),
        bfloat16: spreadOf(pairs.map(({ bfloat16 }) => of(bfloat16))),
        difference: spreadOf(pairs.map(({ float32, bfloat16 }) => of(bfloat16) - of(float32))),
      }
    }),
  )
}

/** How far scores of one row lie apart, on average over rows and tasks, and over pairs. */
export interface Movement {
  /** Between the precisions, seed by seed. */
  readonly byPrecision: number
  /** Between one seed and the next, both in float32; NaN where there is one seed. */
  readonly bySeed: number
}

export function movementOf(pairs: readonly Pair[]): Movement {
  const over = (runs: readonly (readonly [Run, Run])[]) => spreadOf(runs.map(([a, b]) => apart(a, b))).mean
  return {
    byPrecision: over(pairs.map(({ float32, bfloat16 }) => [float32, bfloat16])),
    bySeed: over(pairs.slice(1).map(({ float32 }, i) => [pairs[i]!.float32, float32])),
  }
}

const apart = (a: Run, b: Run) =>
  a.scores.reduce((sum, score, i) => sum + Math.abs(score - b.scores[i]!), 0) / a.scores.length

const digits = ({ mean, deviation }: Spread, sign = '') =>
  `${sign}${mean.toFixed(5)}${Number.isNaN(deviation) ? '' : ` ±${deviation.toFixed(5)}`}`
const signed = (spread: Spread) => digits(spread, spread.mean < 0 ? '' : '+')

/** For people, in Markdown. */
export function reportOf(pairs: readonly Pair[]): string {
  const { byPrecision, bySeed } = movementOf(pairs)
  const errors = Object.entries(pairs[0]!.float32.metrics).map(([task, { auc, positives, examples }]) => {
    const error = aucStandardError(auc!, positives!, examples! - positives!)
    return `${task} ${error.toFixed(4)}`
  })
  return [
    '| task | metric | float32 | bfloat16 | difference |',
    '| --- | --- | --- | --- | --- |',
    ...costsOf(pairs).map(
      ({ task, metric, float32, bfloat16, difference }) =>
        `| ${[task, metric, digits(float32), digits(bfloat16), signed(difference)].join(' | ')} |`,
    ),
    '',
    `Sampling error of an AUC: ${errors.join(', ')}.`,
    `Scores lie ${byPrecision.toFixed(4)} apart between the precisions${pairs.length > 1 ? `, ${bySeed.toFixed(4)} between seeds in float32` : ''}.`,
  ].join('\n')
}
