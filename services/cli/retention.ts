import { Command } from 'commander'
import type { Expired } from '../../pipelines/retention/ports.ts'
import { applyRetention } from '../../pipelines/retention/retention.ts'
import { loadConfig } from '../standalone/load-config.ts'
import { textTable } from '../standalone/text-table.ts'
import { withStorage } from './reach-storage.ts'
import { examples } from './service-client.ts'

interface Options {
  readonly yes?: true
  readonly json?: true
}

/** What is kept too long, in the storage of the data folder or of DATABASE_URL, whether the service runs or not. */
export function retentionCommand(): Command {
  const retention = new Command('retention')
    .description('let go of what is older than `events` of polyrank.config.ts keeps; the service does it once a day')
    .showHelpAfterError()
    .addHelpText('after', examples('polyrank retention apply', 'polyrank retention apply --yes'))
  retention
    .command('apply')
    .description('say what would go, and with --yes let go of it')
    .option('--yes', 'do it')
    .option('--json', 'answer as JSON, for scripts')
    .addHelpText('after', examples('polyrank retention apply', 'polyrank retention apply --yes --json'))
    .action(apply)
  return retention
}

const apply = (options: Options): Promise<void> =>
  withStorage(async ({ retention: store }) => {
    const { events: settings } = await loadConfig(process.cwd())
    const context = { store, settings, nowMs: Date.now() }
    report(await applyRetention({ ...context, isDryRun: true }), 'would go', options, options.yes !== true)
    if (options.yes === true) report(await applyRetention({ ...context, isDryRun: false }), 'went', options, true)
    else if (options.json !== true) console.log('\nNothing was changed. Go on with: polyrank retention apply --yes')
  })

function report(expired: readonly Expired[], verb: string, { json }: Options, isLast: boolean): void {
  if (json === true) {
    if (isLast) console.log(JSON.stringify(expired, null, 2))
    return
  }
  const rows = expired.map(({ table: name, rows: count, oldestKeptMs }) => [
    name,
    count.toLocaleString('en'),
    oldestKeptMs === null ? 'nothing' : new Date(oldestKeptMs).toISOString(),
  ])
  console.log(textTable(['table', verb, 'oldest that stays'], rows))
  for (const { table: name, heldDays } of expired)
    if (heldDays.length > 0) console.log(`${name} of ${heldDays.join(', ')} stay: some of them are to be joined yet`)
}
