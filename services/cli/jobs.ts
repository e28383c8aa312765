import { setTimeout as wait } from 'node:timers/promises'
import { Command } from 'commander'
import type { JobBody } from '../ranker/routes/jobs.ts'
import { createProgressView } from '../standalone/progress.ts'
import { call, examples, type ServiceOptions as Options, serviceCommand } from './service-client.ts'

const lookAgainMs = 300

/** Jobs of a running service, through its HTTP interface. */
export function jobsCommand(): Command {
  const jobs = new Command('jobs')
    .description('train, and see what becomes of it')
    .showHelpAfterError()
    .addHelpText('after', examples('polyrank jobs train', 'polyrank jobs list'))
  const command = serviceCommand(jobs)
  command(
    'train',
    'train a version, and wait for it; a job that fails exits 1',
    'polyrank jobs train',
    'polyrank jobs train --ranker home --no-wait --json',
    'polyrank jobs train --from VERSION',
    'POLYRANK_URL=http://ranker.example:8080 polyrank jobs train',
  )
    .option('--ranker <name>', 'which one; may be left out where there is one')
    .option('--from <version>', 'start from its weights, as far as the ranker is as it was then')
    .option('--no-wait', 'only start it')
    .action(async (options: Options & { ranker?: string; from?: string; wait: boolean }) => {
      const { ranker, from } = options
      const body = {
        kind: 'train',
        ...(ranker === undefined ? {} : { ranker }),
        ...(from === undefined ? {} : { from }),
      }
      const job = await call<JobBody>(options, '/v1/jobs', { json: body })
      print(options.wait ? await follow(job, options) : job, options)
    })
  command('list', 'the last jobs', 'polyrank jobs list', 'polyrank jobs list --json').action(
    async (options: Options) => {
      const { jobs: all } = await call<{ jobs: JobBody[] }>(options, '/v1/jobs')
      if (options.json === true) console.log(JSON.stringify(all, null, 2))
      else for (const job of all) console.log(`${job.id}  ${job.state.padEnd(9)}  ${job.createdAt}  ${summary(job)}`)
    },
  )
  command('show <id>', 'one job', 'polyrank jobs show ID', 'polyrank jobs show ID --json').action(
    async (id: string, options: Options) => {
      print(await call<JobBody>(options, `/v1/jobs/${encodeURIComponent(id)}`), options)
    },
  )
  command('cancel <id>', 'cancel a job', 'polyrank jobs cancel ID').action(async (id: string, options: Options) => {
    print(await call<JobBody>(options, `/v1/jobs/${encodeURIComponent(id)}/cancel`, { method: 'POST' }), options)
  })
  return jobs
}

async function follow(started: JobBody, options: Options): Promise<JobBody> {
  const view = createProgressView(process.stderr)
  let job = started
  while (job.state === 'queued' || job.state === 'running') {
    if (job.progress !== null) view.show(job.progress.stage, job.progress.done, job.progress.of, job.progress.note)
    await wait(lookAgainMs)
    job = await call<JobBody>(options, `/v1/jobs/${job.id}`)
  }
  view.end()
  return job
}

function summary({ result, fault, progress }: JobBody): string {
  if (fault !== null) return `${fault.code}: ${fault.message}`
  if (result !== null) return `${result.version} ${result.activated ? 'serves' : 'was refused'}`
  return progress === null ? '' : `${progress.stage} ${progress.done} of ${progress.of}`
}

function print(job: JobBody, { json }: Options): void {
  if (json === true) console.log(JSON.stringify(job, null, 2))
  else {
    console.log(`${job.id}  ${job.state}  ${summary(job)}`)
    for (const reason of job.result?.reasons ?? []) console.log(`  ${reason}`)
  }
  if (job.state === 'failed') process.exitCode = 1
}
