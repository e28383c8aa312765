import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  freePort,
  get,
  killServices,
  post,
  type Service,
  startService,
  temporaryFolder,
  until,
} from '../../flows/process.ts'
import { smallEvents, toLines } from '../../flows/small-world.ts'

after(killServices)

interface JobAnswer {
  readonly id: string
  readonly state: string
  readonly attempts: number
  readonly result: { readonly version: string } | null
}

const folder = temporaryFolder()
const trainingFolder = join(folder, 'data', 'training')
const definition = join(import.meta.dirname, '..', '..', 'flows', 'small-world.ts')
/** Passes enough for the first checkpoint, which comes after ten seconds, two or three times over. */
writeFileSync(
  join(folder, 'polyrank.config.ts'),
  `import { smallRanker } from ${JSON.stringify(definition)}
const training = { ...smallRanker.training, epochs: 350, patience: 350, embeddingRate: 0.002, rate: 0.001 }
export const rankers = [{ ...smallRanker, training }]
`,
)

const checkpointOf = (id: string) => join(trainingFolder, id, 'checkpoint', 'checkpoint.json')
const stepOf = (id: string): number => JSON.parse(readFileSync(checkpointOf(id), 'utf8')).step

async function start(): Promise<Service> {
  const service = startService(folder, await freePort(), { LOG_LEVEL: 'info' })
  await service.printed(/^Ready/m)
  return service
}

test('a trainer that is killed is started again and goes on from its last checkpoint', async () => {
  const first = await start()
  const events = smallEvents(600)
  await post(`${first.url}/v1/events`, toLines(events), 'application/x-ndjson')
  const last = events.at(-1)!.eventId
  await until(
    async () => (await get<{ state: string }>(`${first.url}/v1/events/${last}`)).body.state === 'joined',
    'the join',
    first.output,
  )
  const { id } = (await post<JobAnswer>(`${first.url}/v1/jobs`, { kind: 'train' })).body
  await until(() => existsSync(checkpointOf(id)), 'a checkpoint', first.output)
  await first.kill('SIGKILL')
  const step = stepOf(id)

  const second = await start()
  await until(() => /(goes on|starts over).*after step/.test(second.output()), 'the job to be taken up', second.output)
  assert.match(second.output(), new RegExp(`goes on after step ${step} of (choosing the passes|learning all)`))
  const job = async () => (await get<JobAnswer>(`${second.url}/v1/jobs/${id}`)).body
  await until(async () => (await job()).state !== 'running', 'the job to end', second.output)

  const { state, attempts, ...rest } = await job()
  assert.deepEqual([state, attempts], ['completed', 2], JSON.stringify(rest))
  await until(() => readdirSync(trainingFolder).length === 0, 'the files of the job to go')
  assert.equal(await second.kill('SIGTERM'), 0, second.output())
})
