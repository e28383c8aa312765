import assert from 'node:assert/strict'
import { test } from 'node:test'
import { servingLive, testApp } from '../fake-service.ts'

const idle = { ranker: 'idle', definitionHash: 'hash', tasks: [], modelVersion: null, fault: null }

test('a service whose rankers all serve is ready', async () => {
  const { app } = await testApp()

  const answer = await app.inject({ url: '/readyz' })

  assert.deepEqual([answer.statusCode, answer.json()], [200, { ready: true, reasons: [], warnings: [] }])
  await app.close()
})

test('events that cannot come in are said, and ranking goes on', async () => {
  const { app } = await testApp({ warnings: () => ['KAFKA_UNAVAILABLE: it does not answer'] })

  const answer = await app.inject({ url: '/readyz' })

  const warnings = ['KAFKA_UNAVAILABLE: it does not answer']
  assert.deepEqual([answer.statusCode, answer.json()], [200, { ready: true, reasons: [], warnings }])
  await app.close()
})

test('a service is not ready while it stops or a ranker has nothing to serve, and lives all the same', async () => {
  let isStopping = true
  const { app } = await testApp({
    isStopping: () => isStopping,
    live: { ...servingLive, states: () => [...servingLive.states(), idle] },
  })
  const reasons = async () => {
    const answer = await app.inject({ url: '/readyz' })
    assert.deepEqual([answer.statusCode, answer.json().ready], [503, false])
    return answer.json().reasons
  }

  assert.deepEqual(await reasons(), ['stopping', 'ranker "idle" has no version that serves yet'])
  isStopping = false
  assert.deepEqual(await reasons(), ['ranker "idle" has no version that serves yet'])
  assert.deepEqual((await app.inject({ url: '/livez' })).json(), { live: true })
  await app.close()
})

test('durations are counted by route and status, in buckets from a millisecond', async () => {
  const { app } = await testApp()
  await app.inject({ url: '/livez' })
  await app.inject({ url: '/v1/jobs/a' })
  await app.inject({ url: '/v1/jobs/b' })
  await app.inject({ url: '/nowhere' })

  const { payload, headers } = await app.inject({ url: '/metrics' })

  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/)
  const buckets = [...payload.matchAll(/_duration_seconds_bucket\{le="([^"]+)",route="\/livez"/g)].map(([, le]) => le)
  assert.deepEqual(buckets.slice(0, 4), ['0.001', '0.002', '0.005', '0.01'])
  assert.equal(buckets.at(-1), '+Inf')
  const counts = [...payload.matchAll(/_duration_seconds_count\{route="([^"]+)",status="(\d+)"\} (\d+)/g)]
  assert.deepEqual(
    counts.map(([, ...parts]) => parts.join(' ')),
    ['/livez 200 1', '/v1/jobs/:id 404 2', 'unknown 404 1'],
  )
  await app.close()
})

test('the version that serves is told to Prometheus, and no longer once another does', async () => {
  let version = 'v1'
  const states = () => servingLive.states().map((state) => ({ ...state, modelVersion: version }))
  const { app } = await testApp({ live: { ...servingLive, states } })
  const told = async () =>
    [...(await app.inject({ url: '/metrics' })).payload.matchAll(/^polyrank_active_version\{.*\} 1$/gm)].map(
      ([line]) => line,
    )

  assert.deepEqual(await told(), ['polyrank_active_version{ranker="small",version="v1"} 1'])
  version = 'v2'
  assert.deepEqual(await told(), ['polyrank_active_version{ranker="small",version="v2"} 1'])
  await app.close()
})
