import { setTimeout as wait } from 'node:timers/promises'
import { Command } from 'commander'
import { Fault } from '../../models/spec/fault.ts'
import type { JobBody } from '../ranker/routes/jobs.ts'
import { createProgressView } from '../standalone/progress.ts'

interface Options {
  readonly url: string
  readonly json?: boolean
}

const defaultUrl = () => process.env.POLYRANK_URL ?? `http://127.0.0.1:${process.env.PORT ?? 8080}`
const lookAgainMs = 300

/** Jobs of a running service, through its HTTP interface. */
export function jobsCommand(): Command {
  const jobs = new Command('jobs').description('train, and see what becomes of it')
  const command = (signature: string, description: string) =>
    jobs
      .command(signature)
      .description(description)
      .option('--url <url>', 'of the running service', defaultUrl())
      .option('--json', 'answer as JSON, for scripts')
  command('train', 'train a version, and wait for it')
    .option('--ranker <name>', 'which one; may be left out where there is one')
    .option('--no-wait', 'only start it')
    .action(async (options: Options & { ranker?: string; wait: boolean }) => {
      const body = { kind: 'train', ...(options.ranker === undefined ? {} : { ranker: options.ranker }) }
      const job = await call<JobBody>(options, '/v1/jobs', body)
      print(options.wait ? await follow(job, options) : job, options)
    })
  command('list', 'the last jobs').action(async (options: Options) => {
    const { jobs: all } = await call<{ jobs: JobBody[] }>(options, '/v1/jobs')
    if (options.json === true) console.log(JSON.stringify(all, null, 2))
    else for (const job of all) console.log(`${job.id}  ${job.state.padEnd(9)}  ${job.createdAt}  ${summary(job)}`)
  })
  command('show <id>', 'one job').action(async (id: string, options: Options) => {
    print(await call<JobBody>(options, `/v1/jobs/${encodeURIComponent(id)}`), options)
  })
  command('cancel <id>', 'cancel a job').action(async (id: string, options: Options) => {
    print(await call<JobBody>(options, `/v1/jobs/${encodeURIComponent(id)}/cancel`, null), options)
  })
  return jobs
}

async function call<Answer>({ url }: Options, path: string, body?: unknown): Promise<Answer> {
  const request: RequestInit =
    body === undefined
      ? {}
      : body === null
        ? { method: 'POST' }
        : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(new URL(path, url), request).catch((cause) => {
    throw new Fault(
      'SERVICE_UNREACHABLE',
      `No service answers at ${url}. Start it with \`polyrank start\`, or give --url.`,
      {
        cause,
      },
    )
  })
  const answer = (await response.json()) as unknown
  if (response.ok) return answer as Answer
  const { code, detail, path: at } = answer as { code: string; detail: string; path?: string }
  throw new Fault(code, detail, at === undefined ? {} : { path: at })
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
