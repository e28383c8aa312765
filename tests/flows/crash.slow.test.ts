import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { freePort, get, killServices, post, type Service, startService, temporaryFolder, until } from './process.ts'
import { smallEvents, toLines, writeConfig } from './small-world.ts'

after(killServices)

interface JobAnswer {
  readonly id: string
  readonly state: string
  readonly attempts: number
  readonly progress: { readonly stage: string } | null
  readonly result: { readonly version: string; readonly activated: boolean } | null
}

const folder = temporaryFolder()
writeConfig(folder)
let service: Service

async function start(): Promise<void> {
  service = startService(folder, await freePort())
  await service.printed(/^Ready/m)
}
const job = async (id: string) => (await get<JobAnswer>(`${service.url}/v1/jobs/${id}`)).body
const ended = async (id: string) => {
  await until(async () => !['queued', 'running'].includes((await job(id)).state), 'the job to end', service.output)
  return job(id)
}
const isReady = async () => (await get(`${service.url}/readyz`)).status === 200

test('kill -9 while events are sent loses none that was acknowledged', async () => {
  await start()
  const events = smallEvents(120)
  const acknowledged: string[] = []
  const sending = (async () => {
    for (const event of events) {
      const { body } = await post<{ accepted: number }>(`${service.url}/v1/events`, event)
      if (body.accepted === 1) acknowledged.push(event.eventId)
    }
  })().catch(() => 'cut off')
  await until(() => acknowledged.length >= 100, 'a hundred events to be acknowledged')
  await service.kill('SIGKILL')
  assert.equal(await sending, 'cut off')
  await start()
  for (const eventId of acknowledged) {
    const { status } = await get(`${service.url}/v1/events/${eventId}`)
    assert.equal(status, 200, `${eventId} was acknowledged and is gone`)
  }
  const { body } = await post<{ accepted: number; duplicate: number }>(
    `${service.url}/v1/events`,
    toLines(events),
    'application/x-ndjson',
  )
  assert.equal(body.accepted + body.duplicate, events.length)
  assert.ok(body.duplicate >= acknowledged.length && body.duplicate <= acknowledged.length + 1)
  const last = events.at(-1)!.eventId
  await until(
    async () => (await get<{ state: string }>(`${service.url}/v1/events/${last}`)).body.state === 'joined',
    'the join',
  )
})

for (const stage of ['training', 'writing']) {
  test(`kill -9 while a job is ${stage}: the next start takes it up, and one version serves`, async () => {
    const { body: queued } = await post<JobAnswer>(`${service.url}/v1/jobs`, { kind: 'train' })
    await until(
      async () => (await job(queued.id)).progress?.stage === stage || (await job(queued.id)).state === 'completed',
      `the stage ${stage}`,
      service.output,
    )
    await service.kill('SIGKILL')
    await start()
    const done = await ended(queued.id)
    assert.equal(done.state, 'completed', JSON.stringify(done))
    assert.equal(done.result!.activated, true, JSON.stringify(done))
    const serves = async () =>
      (await get<{ rankers: { modelVersion: string }[] }>(`${service.url}/v1/rankers`)).body.rankers[0]!.modelVersion
    await until(async () => (await serves()) === done.result!.version, 'the new version to serve', service.output)
    assert.equal(await isReady(), true)
  })
}

test('a second start is ready without loading or training', async () => {
  assert.equal(await service.kill('SIGTERM'), 0, service.output())
  await start()
  assert.equal(await isReady(), true)
  assert.doesNotMatch(service.output(), /Loading|Training/)
})

test('a stop during training gives the job back, unspent', async () => {
  const { body: queued } = await post<JobAnswer>(`${service.url}/v1/jobs`, { kind: 'train' })
  await until(async () => (await job(queued.id)).state === 'running', 'the job to run')
  assert.equal(await service.kill('SIGTERM'), 0, service.output())
  await start()
  const done = await ended(queued.id)
  assert.deepEqual([done.state, done.attempts], ['completed', 1])
  assert.equal(await service.kill('SIGTERM'), 0, service.output())
})
