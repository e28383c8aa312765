import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { inputOf, openChaos } from './chaos/world.ts'
import { freePort, get, killServices, post, type Service, startService, temporaryFolder, until } from './process.ts'
import { writeConfig } from './small-world.ts'

interface JobAnswer {
  readonly id: string
  readonly state: string
  readonly result: { readonly version: string; readonly activated: boolean } | null
  readonly fault: { readonly code: string; readonly message: string } | null
}
interface Readiness {
  readonly ready: boolean
  readonly warnings: readonly string[]
}

const folder = temporaryFolder()
writeConfig(folder)
// The input is of 2024, and is to outlive what services sweep away as they go.
appendFileSync(join(folder, 'polyrank.config.ts'), 'export const events = { exampleDays: 36_500 }\n')
const slates = 160
const input = inputOf(slates)
let world: Awaited<ReturnType<typeof openChaos>>
let service: Service

before(async () => {
  world = await openChaos(input)
})
after(async () => {
  killServices()
  await world.close()
})

const readiness = async () => (await get<Readiness>(`${service.url}/readyz`)).body

test('while Kafka is away the service starts on PostgreSQL, takes events over HTTP, and says what is missing', async () => {
  const nobody = `127.0.0.1:${await freePort()}`
  service = startService(folder, await freePort(), { ...world.environment, KAFKA_BROKERS: nobody })
  await service.printed(/^Ready/m)

  const { warnings } = await readiness()
  const item = { type: 'item', eventId: 'over-http', occurredAt: '2024-01-01T00:00:00Z', itemId: 'i1' }
  const { body } = await post<{ accepted: number }>(`${service.url}/v1/events`, item)

  assert.equal(body.accepted, 1)
  assert.ok(warnings.length === 1 && warnings[0]!.startsWith('KAFKA_UNAVAILABLE') && warnings[0]!.includes(nobody))
  assert.equal(await service.kill('SIGTERM'), 0, service.output())
})

test('events from Kafka are joined, learnt and ranked by, and the broken ones wait as dead letters', async () => {
  service = startService(folder, await freePort(), world.environment)
  await service.printed(/^Ready/m)
  await until(
    async () => {
      const { body } = await get<{ state?: string }>(`${service.url}/v1/events/1-slate-${slates - 1}`)
      return body.state === 'joined'
    },
    'the last slate to be joined',
    service.output,
  )

  const { body: queued } = await post<JobAnswer>(`${service.url}/v1/jobs`, { kind: 'train' })
  const job = async () => (await get<JobAnswer>(`${service.url}/v1/jobs/${queued.id}`)).body
  await until(async () => !['queued', 'running'].includes((await job()).state), 'the job to end', service.output)
  const { result } = await job()
  await until(async () => (await readiness()).ready, 'the version to serve', service.output)
  const candidates = ['i0', 'i1', 'i2'].map((itemId) => ({ itemId }))
  const ranked = await post<{ modelVersion: string; items: readonly unknown[]; unknownItems: readonly string[] }>(
    `${service.url}/v1/rank`,
    { userId: 'u1', candidates },
  )

  assert.equal(result?.activated, true, service.output())
  assert.deepEqual([ranked.status, ranked.body.modelVersion, ranked.body.items.length], [200, result.version, 3])
  assert.deepEqual(ranked.body.unknownItems, [])
  const { body } = await get<{ deadLetters: readonly { topic: string }[] }>(`${service.url}/v1/dead-letters`)
  assert.ok(body.deadLetters.length > 3 && body.deadLetters.every(({ topic }) => topic.startsWith(world.name)))
  assert.deepEqual((await readiness()).warnings, [])
  const isMeasured = async () => {
    const metrics = await (await fetch(`${service.url}/metrics`)).text()
    return /^polyrank_kafka_lag_records\{topic="[^"]+",partition="0"\} 0$/m.test(metrics)
  }
  await until(isMeasured, 'the lag to be measured', service.output)
  assert.equal(await service.kill('SIGTERM'), 0, service.output())
})

test('two services on one PostgreSQL that share their blobs: what one trains, both serve', async () => {
  const blobs = join(folder, 'data', 'blobs')
  const other = join(folder, 'other')
  mkdirSync(other)
  symlinkSync(blobs, join(other, 'blobs'))
  const services = [
    startService(folder, await freePort(), world.environment),
    startService(folder, await freePort(), { ...world.environment, POLYRANK_DATA: other }),
  ] as const
  const output = () => services.map((each) => each.output()).join('\n')
  for (const each of services) await each.printed(/^Ready/m)
  const serving = () =>
    Promise.all(
      services.map(async ({ url }) => {
        const { body } = await get<{ rankers: readonly { modelVersion: string | null }[] }>(`${url}/v1/rankers`)
        return body.rankers[0]!.modelVersion
      }),
    )
  const [before] = await serving()

  const { body: queued } = await post<JobAnswer>(`${services[1].url}/v1/jobs`, { kind: 'train' })
  const job = async () => (await get<JobAnswer>(`${services[0].url}/v1/jobs/${queued.id}`)).body
  await until(async () => !['queued', 'running'].includes((await job()).state), 'the job to end', output)
  const { result, fault } = await job()
  assert.equal(fault, null, output())
  const isServed = (version: string) => async () => (await serving()).every((each) => each === version)
  await post(`${services[0].url}/v1/models/${result!.version}/activate`)
  await until(isServed(result!.version), 'both to serve what was trained', output)
  await post(`${services[1].url}/v1/models/${before}/activate`)
  await until(isServed(before!), 'both to serve what was before', output)

  assert.notEqual(result!.version, before)
  for (const each of services) assert.equal(await each.kill('SIGTERM'), 0, output())
})
