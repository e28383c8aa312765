import { Command, InvalidArgumentError, Option } from 'commander'
import { deviceNames } from '../../models/engine/device.ts'
import type { EvaluateOptions } from './evaluation.ts'

const architectures: readonly EvaluateOptions['architecture'][] = ['single-task', 'shared-bottom', 'mmoe']

function positiveInteger(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1.')
  return value
}

/** Measures the bundled sample by its protocol; see its README. */
export const evaluateCommand = (): Command =>
  new Command('evaluate')
    .showHelpAfterError()
    .description('learn the bundled KuaiRand sample and measure its unseen days, beside other models')
    .addOption(new Option('--level <level>', 'features').choices(['A', 'B', 'both']).default('both'))
    .option('--seeds <count>', 'runs to average over', positiveInteger, 5)
    .addOption(new Option('--architecture <kind>', 'over the shared trunk').choices(architectures).default('mmoe'))
    .addOption(new Option('--device <name>', 'to train and score on').choices(deviceNames).default('cpu'))
    .option('--json', 'answer as JSON, for scripts')
    .addHelpText(
      'after',
      `
Five seeds at both levels take some minutes on two cores.

Examples:
  polyrank evaluate
  polyrank evaluate --level A --seeds 1 --device tensorflow
  polyrank evaluate --architecture shared-bottom --json`,
    )
    // Loaded when it runs: help, and other commands, need no engine.
    .action(async (options: EvaluateOptions) => (await import('./evaluation.ts')).runEvaluation(options))
