import { Command } from 'commander'
import type { DoctorOptions } from './doctor/examine.ts'

/** What is here, and what training and serving will use. */
export const doctorCommand = (): Command =>
  new Command('doctor')
    .showHelpAfterError()
    .description(
      'say what this machine and the servers have, and what training and serving use; whether the service runs or not',
    )
    .option('--time', 'time one training step and one request of each ranker on every device now')
    .option('--json', 'answer as JSON, for scripts')
    .addHelpText(
      'after',
      `
Exits 1 where something that is configured cannot work, with what to do about it. What --time finds is what
the device "auto" goes by from then on. Best on a quiet machine.

Examples:
  polyrank doctor
  polyrank doctor --time
  polyrank doctor --json`,
    )
    // Loaded when it runs: help, and other commands, need no engine.
    .action(async (options: DoctorOptions) => (await import('./doctor/examine.ts')).runDoctor(options))
