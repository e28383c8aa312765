import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jobsCommand } from '../../../services/cli/jobs.ts'
import type { JobBody } from '../../../services/ranker/routes/jobs.ts'
import { freePort } from '../../flows/process.ts'
import { aJob, fakeService, run } from './command-line.ts'

const queued = aJob({ state: 'queued', result: null })
const failed = aJob({
  state: 'failed',
  result: null,
  fault: { code: 'TRAINING_NO_EXAMPLES', message: 'There are none.' },
})

test('train starts a job, follows it, and tells what came of it', async (t) => {
  const states: JobBody[] = [
    aJob({ state: 'running', result: null, progress: { stage: 'training', done: 1, of: 4, note: 'pass 1' } }),
    aJob(),
  ]
  const { url, asked } = await fakeService(({ method }) => ({ body: method === 'POST' ? queued : states.shift() }))

  const { output, errors, code } = await run(t, jobsCommand(), 'train', '--url', url)

  assert.deepEqual(asked, [
    { method: 'POST', path: '/v1/jobs', body: '{"kind":"train"}' },
    { method: 'GET', path: '/v1/jobs/job-1', body: '' },
    { method: 'GET', path: '/v1/jobs/job-1', body: '' },
  ])
  assert.equal(output, 'job-1  completed  v2 serves\n  click: AUC 0.71, was 0.70\n  all scores are finite\n')
  assert.match(errors, /training: 1 of 4 \(pass 1\)/)
  assert.equal(code, 0)
})

test('train without waiting only starts the job of the ranker that is named', async (t) => {
  const { url, asked } = await fakeService(() => ({ body: queued }))

  const { output, code } = await run(t, jobsCommand(), 'train', '--ranker', 'home', '--no-wait', '--url', url)

  assert.deepEqual(asked, [{ method: 'POST', path: '/v1/jobs', body: '{"kind":"train","ranker":"home"}' }])
  assert.deepEqual([output, code], ['job-1  queued  \n', 0])
})

test('train says which version to start from', async (t) => {
  const { url, asked } = await fakeService(() => ({ body: queued }))

  await run(t, jobsCommand(), 'train', '--from', 'v1', '--no-wait', '--url', url)

  assert.deepEqual(asked, [{ method: 'POST', path: '/v1/jobs', body: '{"kind":"train","from":"v1"}' }])
})

test('as JSON the answer is the job itself, and nothing else is on the output', async (t) => {
  const { url } = await fakeService(({ path }) => ({ body: path === '/v1/jobs' ? { jobs: [aJob(), failed] } : aJob() }))

  for (const words of [
    ['show', 'job-1'],
    ['cancel', 'job-1'],
  ])
    assert.deepEqual(JSON.parse((await run(t, jobsCommand(), ...words, '--json', '--url', url)).output), aJob())
  const list = await run(t, jobsCommand(), 'list', '--json', '--url', url)
  assert.deepEqual(JSON.parse(list.output), [aJob(), failed])
})

test('jobs are listed a line each, with their fault, their result or their progress', async (t) => {
  const running = aJob({ state: 'running', result: null, progress: { stage: 'reading', done: 3, of: 9 } })
  const refused = aJob({ result: { version: 'v3', activated: false, reasons: [] } })
  const { url } = await fakeService(() => ({ body: { jobs: [running, refused, failed] } }))

  const { output } = await run(t, jobsCommand(), 'list', '--url', url)

  assert.deepEqual(output.split('\n'), [
    'job-1  running    2026-01-31T08:00:00.000Z  reading 3 of 9',
    'job-1  completed  2026-01-31T08:00:00.000Z  v3 was refused',
    'job-1  failed     2026-01-31T08:00:00.000Z  TRAINING_NO_EXAMPLES: There are none.',
    '',
  ])
})

test('a job that failed exits 1 and says why', async (t) => {
  const { url } = await fakeService(() => ({ body: failed }))

  for (const words of [['train'], ['show', 'job-1']]) {
    const { output, code } = await run(t, jobsCommand(), ...words, '--url', url)
    assert.deepEqual([output, code], ['job-1  failed  TRAINING_NO_EXAMPLES: There are none.\n', 1])
  }
})

test('an id goes to the service as it was typed', async (t) => {
  const { url, asked } = await fakeService(() => ({ body: aJob() }))

  await run(t, jobsCommand(), 'show', 'a/b?c', '--url', url)
  await run(t, jobsCommand(), 'cancel', 'a b', '--url', url)

  assert.deepEqual(
    asked.map(({ method, path }) => [method, path]),
    [
      ['GET', '/v1/jobs/a%2Fb%3Fc'],
      ['POST', '/v1/jobs/a%20b/cancel'],
    ],
  )
})

test('a problem of the service is passed on with its code and path', async (t) => {
  const body = { code: 'RANKER_UNKNOWN', detail: '"ranker" must be one of home.', path: '/ranker', status: 404 }
  const { url } = await fakeService(() => ({ status: 404, body }))

  await assert.rejects(run(t, jobsCommand(), 'train', '--ranker', 'x', '--url', url), {
    name: 'Fault',
    code: 'RANKER_UNKNOWN',
    message: body.detail,
    path: '/ranker',
  })
})

test('where no service answers, or another one, or the address is none, the fault says what to do', async (t) => {
  const silent = `http://127.0.0.1:${await freePort()}`
  const { url: stranger } = await fakeService(() => ({ status: 502, body: '<html>Bad gateway</html>' }))
  const { url: polite } = await fakeService(() => ({ body: '<html>Welcome</html>' }))

  for (const [url, code] of [
    [silent, 'SERVICE_UNREACHABLE'],
    [stranger, 'SERVICE_UNKNOWN'],
    [polite, 'SERVICE_UNKNOWN'],
    ['localhost', 'URL_INVALID'],
  ] as const) {
    await assert.rejects(run(t, jobsCommand(), 'list', '--url', url), (fault: Error) => {
      assert.deepEqual([fault.name, (fault as Error & { code: string }).code], ['Fault', code], url)
      assert.ok(fault.message.includes(url) && fault.message.includes('--url'), fault.message)
      return true
    })
  }
})

test('the address comes from POLYRANK_URL, else from the port that the service is told', async (t) => {
  const before = { ...process.env }
  t.after(() => {
    process.env = before
  })
  const { url, asked } = await fakeService(() => ({ body: { jobs: [] } }))

  process.env = { ...before, POLYRANK_URL: url, PORT: '1' }
  await run(t, jobsCommand(), 'list')
  process.env = { ...before, POLYRANK_URL: '', PORT: new URL(url).port }
  await run(t, jobsCommand(), 'list')

  assert.equal(asked.length, 2)
})
