import type { DeviceName } from '../../models/engine/device.ts'
import { findDevice } from '../../models/engine/devices.ts'
import { kuairandCounters, kuairandIds } from '../../models/presets/kuairand.ts'
import { defineRanker } from '../../models/spec/define-ranker.ts'
import type { ArchitectureSpec } from '../../models/spec/ranker.ts'
import { comparison } from '../../pipelines/datasets/kuairand/comparison.ts'
import { evaluateKuairand, type Measured, type TaskResult } from '../../pipelines/datasets/kuairand/evaluation.ts'
import { kuairandFrame } from '../../pipelines/datasets/kuairand/frame.ts'
import { createProgressView } from '../standalone/progress.ts'
import { readSample } from '../standalone/sample.ts'

type Level = 'A' | 'B'
export interface EvaluateOptions {
  readonly level: Level | 'both'
  readonly seeds: number
  readonly architecture: ArchitectureSpec['kind']
  readonly device: DeviceName
  readonly json?: boolean
}

const presets = { A: kuairandIds, B: kuairandCounters }
const levelTitles = { A: 'ids and attributes', B: 'and what happened before (counters)' }
const threads = 2

const architectures: Readonly<Record<ArchitectureSpec['kind'], ArchitectureSpec>> = {
  'single-task': { kind: 'single-task', hidden: 64, tower: 32 },
  'shared-bottom': { kind: 'shared-bottom', hidden: 64, tower: 32 },
  mmoe: { kind: 'mmoe', experts: 4, hidden: 64, tower: 32 },
}

/** Measures the bundled sample by its protocol; see its README. */
export async function runEvaluation(options: EvaluateOptions): Promise<void> {
  const { level, seeds, architecture, json } = options
  const device = await findDevice(options.device)
  const view = createProgressView(process.stderr)
  view.show('Reading the sample', 0, 1)
  const frame = kuairandFrame(await readSample())
  const results: Partial<Record<Level, readonly TaskResult[]>> = {}
  for (const each of level === 'both' ? (['A', 'B'] as const) : [level]) {
    const definition = defineRanker({ ...presets[each], architecture: architectures[architecture] })
    const { epochs } = definition.training
    const measured = await evaluateKuairand(frame, definition, {
      seeds,
      device,
      threads,
      report: (seed, epoch) =>
        view.show(`Level ${each}`, (seed - 1) * epochs + epoch, seeds * epochs, `seed ${seed}, pass ${epoch}`),
    })
    results[each] = measured
    if (json !== true) {
      view.say('')
      console.log(reportOf(each, options, measured))
    }
  }
  view.end()
  if (json === true) console.log(JSON.stringify(results, null, 2))
}

const digits = (value: number) => value.toFixed(4)
const interval = ({ mean, deviation, low, high }: Measured) =>
  `${digits(mean)} ±${digits(deviation)} (${digits(low)} to ${digits(high)})`

function reportOf(
  level: Level,
  { architecture, seeds, device }: EvaluateOptions,
  results: readonly TaskResult[],
): string {
  const own = results.map(({ task, positives, auc, gauc, normalizedEntropy, calibrationError }) => [
    task,
    String(positives),
    interval(auc),
    interval(gauc),
    digits(normalizedEntropy),
    digits(calibrationError),
  ])
  const compared = comparison[level].map(({ model, tasks }) => [
    model,
    ...results.map(({ task }) => tasks[task]!.map(digits).join(' ')),
  ])
  const ours = [
    `polyrank, ${architecture}`,
    ...results.map(({ auc, gauc }) => `${digits(auc.mean)} ${digits(gauc.mean)}`),
  ]
  return [
    `Level ${level}: ${levelTitles[level]}. Test slice, ${seeds} seeds on ${device}: mean ± deviation over seeds (95 % interval over users)`,
    '',
    table([['task', 'positives', 'AUC', 'GAUC', 'norm. entropy', 'calibration error'], ...own]),
    '',
    'Beside other models on the same rows: AUC GAUC',
    '',
    table([['model', ...results.map(({ task }) => task)], ...compared, ours]),
    '',
  ].join('\n')
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
