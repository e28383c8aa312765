import { Command } from 'commander'
import { eraseUser, retrainWithout } from '../../pipelines/retention/erasure.ts'
import type { Erasure } from '../../pipelines/retention/ports.ts'
import type { Job } from '../../pipelines/training/jobs.ts'
import { textTable } from '../standalone/text-table.ts'
import { withStorage } from './reach-storage.ts'
import { examples } from './service-client.ts'

interface Options {
  readonly yes?: true
  readonly retrain?: true
  readonly json?: true
}

const help = `
Events, what was joined of them and dead letters that hold the id go; counts of items stay, as no person is in them.
Old records do not bring it back; what the user does from now on is kept as of anybody.
`

/** Data of users, in the storage of the data folder or of DATABASE_URL, whether the service runs or not. */
export function usersCommand(): Command {
  const users = new Command('users')
    .description('erase what is kept of a user')
    .showHelpAfterError()
    .addHelpText('after', examples('polyrank users erase u42'))
  users
    .command('erase <user>')
    .description('say what there is of a user, and with --yes erase it for good')
    .option('--yes', 'do it')
    .option(
      '--retrain',
      'with --yes: train those rankers that may have learnt from the user, from the last version before',
    )
    .option('--json', 'answer as JSON, for scripts')
    .addHelpText('after', help + examples('polyrank users erase u42', 'polyrank users erase u42 --yes --retrain'))
    .action(erase)
  return users
}

const erase = (user: string, options: Options): Promise<void> =>
  withStorage(async ({ erasure: store, jobs, registry }) => {
    const context = { store, nowMs: Date.now }
    const found = await eraseUser(user, { ...context, isDryRun: true })
    if (options.yes !== true) {
      report(found, [], 'would go', options)
      if (options.json !== true) console.log('\nNothing was changed. Go on with the same command and --yes')
      return
    }
    const erased = await eraseUser(user, { ...context, isDryRun: false })
    report(erased, options.retrain === true ? await retrainWithout(erased, jobs, registry) : [], 'went', options)
  })

function report(erasure: Erasure, queued: readonly Job[], verb: string, { json }: Options): void {
  if (json === true) {
    const queuedJobs = queued.map(({ id, payload: { ranker, from = null } }) => ({ id, ranker, from }))
    console.log(JSON.stringify({ ...erasure, queuedJobs }, null, 2))
    return
  }
  const rows = erasure.tables.map(({ table: name, rows: count }) => [name, count.toLocaleString('en')])
  console.log(textTable(['table', verb], rows))
  for (const { version, ranker } of erasure.versions)
    console.log(`Version ${version} of "${ranker}" may have learnt them.`)
  if (erasure.versions.length > 0 && queued.length === 0)
    console.log('Train anew for a version that has not: polyrank jobs train')
  for (const id of erasure.runningJobs)
    console.log(`Training ${id} is under way and may have read them: polyrank jobs cancel ${id}`)
  for (const { id, payload } of queued) {
    const start = payload.from === undefined ? 'anew' : `from ${payload.from}, the last version before`
    console.log(`Training ${id} of "${payload.ranker}" is queued; it starts ${start}.`)
  }
}
