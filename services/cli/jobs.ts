import { setTimeout as wait } from 'node:timers/promises'
import { Command } from 'commander'
import { Fault } from '../../models/spec/fault.ts'
import type { JobBody } from '../ranker/routes/jobs.ts'
import { createProgressView } from '../standalone/progress.ts'

interface Options {
  readonly url: string
  readonly json?: boolean
}

const defaultUrl = () => process.env.POLYRANK_URL || `http://127.0.0.1:${process.env.PORT || 8080}`
const lookAgainMs = 300

const examples = (...lines: readonly string[]) => ['', 'Examples:', ...lines.map((line) => `  ${line}`)].join('\n')

/** Jobs of a running service, through its HTTP interface. */
export function jobsCommand(): Command {
  const jobs = new Command('jobs')
    .description('train, and see what becomes of it')
    .showHelpAfterError()
    .addHelpText('after', examples('polyrank jobs train', 'polyrank jobs list'))
  const command = (signature: string, description: string, ...lines: readonly string[]) =>
    jobs
      .command(signature)
      .description(description)
      .option('--url <url>', 'of the running service', defaultUrl())
      .option('--json', 'answer as JSON, for scripts')
      .addHelpText('after', examples(...lines))
  command(
    'train',
    'train a version, and wait for it; a job that fails exits 1',
    'polyrank jobs train',
    'polyrank jobs train --ranker home --no-wait --json',
    'POLYRANK_URL=http://ranker.example:8080 polyrank jobs train',
  )
    .option('--ranker <name>', 'which one; may be left out where there is one')
    .option('--no-wait', 'only start it')
    .action(async (options: Options & { ranker?: string; wait: boolean }) => {
      const body = { kind: 'train', ...(options.ranker === undefined ? {} : { ranker: options.ranker }) }
      const job = await call<JobBody>(options, '/v1/jobs', body)
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
  if (!URL.canParse(path, url)) {
    throw new Fault('URL_INVALID', `"${url}" is no address. Give one such as http://127.0.0.1:8080 with --url.`)
  }
  const response = await fetch(new URL(path, url), request).catch((cause) => {
    throw new Fault(
      'SERVICE_UNREACHABLE',
      `No service answers at ${url}. Start it with \`polyrank start\`, or give --url.`,
      {
        cause,
      },
    )
  })
  const answer: unknown = await response.json().catch(() => null)
  if (answer !== null && response.ok) return answer as Answer
  const { code, detail, path: at } = (answer ?? {}) as { code?: string; detail?: string; path?: string }
  if (code !== undefined && detail !== undefined) throw new Fault(code, detail, at === undefined ? {} : { path: at })
  throw new Fault('SERVICE_UNKNOWN', `What answers at ${url} (status ${response.status}) is not polyrank. Give --url.`)
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
