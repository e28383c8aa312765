import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobRequest } from '../../../../pipelines/training/jobs.ts'
import { versionOf } from '../../../contracts/versions.ts'
import { smallRanker } from '../../../flows/small-world.ts'
import { aJob, fakeService, testApp } from '../fake-service.ts'

const { jobs } = fakeService()

test('a job is started for the ranker there is, and the answer says where it is', async () => {
  const requests: JobRequest[] = []
  const enqueue = async (request: JobRequest) => {
    requests.push(request)
    return aJob()
  }
  const { app } = await testApp({ jobs: { ...jobs, enqueue } })

  const plain = await app.inject({ method: 'POST', url: '/v1/jobs', payload: { kind: 'train' } })
  const named = { kind: 'train', ranker: 'small' }
  await app.inject({ method: 'POST', url: '/v1/jobs', payload: named, headers: { 'idempotency-key': 'k' } })

  assert.deepEqual([plain.statusCode, plain.headers.location], [202, '/v1/jobs/job-1'])
  assert.deepEqual([plain.json().id, plain.json().state], ['job-1', 'queued'])
  assert.deepEqual(requests, [
    { kind: 'train', payload: { ranker: 'small' } },
    { kind: 'train', payload: { ranker: 'small' }, idempotencyKey: 'k' },
  ])
  await app.close()
})

test('a job may start from a version of its ranker, which is looked for at once', async () => {
  const requests: JobRequest[] = []
  const enqueue = async (request: JobRequest) => {
    requests.push(request)
    return aJob({ payload: request.payload })
  }
  const { registry } = fakeService()
  const versions = [versionOf('v1'), versionOf('v2', { learntErasedAtMs: 0 })]
  const find = async (name: string) => versions.find(({ version }) => version === name) ?? null
  const { app } = await testApp({ jobs: { ...jobs, enqueue }, registry: { ...registry, find } })
  const start = (from: string) => app.inject({ method: 'POST', url: '/v1/jobs', payload: { kind: 'train', from } })

  const [known, unknown, marked] = [await start('v1'), await start('v9'), await start('v2')]

  assert.deepEqual([known.statusCode, known.json().from], [202, 'v1'])
  assert.deepEqual([unknown.statusCode, unknown.json().code, unknown.json().path], [404, 'VERSION_UNKNOWN', '/from'])
  assert.deepEqual([marked.statusCode, marked.json().code, marked.json().path], [409, 'VERSION_LEARNT_ERASED', '/from'])
  assert.deepEqual(requests, [{ kind: 'train', payload: { ranker: 'small', from: 'v1' } }])
  await app.close()
})

test('with several rankers a job must name one of them', async () => {
  const { app } = await testApp({ definitions: [smallRanker, { ...smallRanker, name: 'other' }] })

  const answer = await app.inject({ method: 'POST', url: '/v1/jobs', payload: { kind: 'train' } })

  assert.deepEqual([answer.statusCode, answer.json().code], [404, 'RANKER_UNKNOWN'])
  assert.match(answer.json().detail, /small, other/)
  await app.close()
})

test('a job is told with its progress, its result, or its fault', async () => {
  const all = [
    aJob({ id: 'a' }),
    aJob({
      id: 'b',
      state: 'running',
      attempts: 1,
      startedAtMs: 1_000,
      progress: { stage: 'training', done: 1, of: 4 },
    }),
    aJob({
      id: 'c',
      state: 'completed',
      endedAtMs: 2_000,
      result: { version: 'v2', activated: false, reasons: ['click: worse'] },
    }),
    aJob({ id: 'd', state: 'failed', faultCode: 'TRAINING_NO_EXAMPLES', faultMessage: 'None.' }),
  ]
  const { app } = await testApp({
    jobs: { ...jobs, list: async () => all, find: async (id) => all.find((job) => job.id === id) ?? null },
  })

  const { jobs: told } = (await app.inject({ url: '/v1/jobs' })).json()

  const common = { kind: 'train', ranker: 'small', attempts: 0, createdAt: '1970-01-01T00:00:00.000Z' }
  const open = { from: null, progress: null, result: null, fault: null, startedAt: null, endedAt: null }
  assert.deepEqual(told, [
    { ...common, ...open, id: 'a', state: 'queued' },
    {
      ...common,
      ...open,
      id: 'b',
      state: 'running',
      attempts: 1,
      progress: { stage: 'training', done: 1, of: 4 },
      startedAt: '1970-01-01T00:00:01.000Z',
    },
    {
      ...common,
      ...open,
      id: 'c',
      state: 'completed',
      result: { version: 'v2', activated: false, reasons: ['click: worse'] },
      endedAt: '1970-01-01T00:00:02.000Z',
    },
    { ...common, ...open, id: 'd', state: 'failed', fault: { code: 'TRAINING_NO_EXAMPLES', message: 'None.' } },
  ])
  assert.deepEqual((await app.inject({ url: '/v1/jobs/c' })).json(), told[2])
  await app.close()
})

test('a cancelled job is told as it is now', async () => {
  const cancel = async (id: string) => aJob({ id, state: 'cancelled', endedAtMs: 5 })
  const { app } = await testApp({ jobs: { ...jobs, cancel } })

  const answer = await app.inject({ method: 'POST', url: '/v1/jobs/job%2F1/cancel' })

  assert.deepEqual([answer.statusCode, answer.json().id, answer.json().state], [200, 'job/1', 'cancelled'])
  await app.close()
})
