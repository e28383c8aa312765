import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { freePort, get, post, type Service, startService, temporaryFolder, until } from './process.ts'
import { smallEvents, toLines, writeConfig } from './small-world.ts'

interface Outcomes {
  readonly accepted: number
  readonly duplicate: number
  readonly quarantined: number
  readonly results: readonly { readonly eventId: string | null; readonly code?: string; readonly path?: string }[]
}
interface JobAnswer {
  readonly id: string
  readonly state: string
  readonly attempts: number
  readonly result: { readonly version: string; readonly activated: boolean } | null
  readonly fault: { readonly code: string } | null
}
interface Trail {
  readonly state: string
  readonly slateId: string | null
  readonly examples: readonly { readonly itemId: string }[]
  readonly modelVersions: readonly string[]
}
interface Ranked {
  readonly slateId: string
  readonly modelVersion: string
  readonly items: readonly { readonly itemId: string; readonly score: number; readonly tasks: Record<string, number> }[]
  readonly unknownItems: readonly string[]
  readonly degraded: readonly string[]
}
interface Problem {
  readonly code: string
  readonly path?: string
  readonly detail: string
}

const ndjson = 'application/x-ndjson'
const folder = temporaryFolder()
const lines = smallEvents(160)
let port = 0
let service: Service

before(async () => {
  writeConfig(folder)
  port = await freePort()
  service = startService(folder, port)
  await service.printed(/^Ready/m)
})
after(async () => {
  assert.equal(await service.kill('SIGTERM'), 0, service.output())
})

const url = (path: string) => `${service.url}${path}`
const trained = async (): Promise<JobAnswer> => {
  const { body: job } = await post<JobAnswer>(url('/v1/jobs'), { kind: 'train' })
  await until(async () => {
    const { state } = (await get<JobAnswer>(url(`/v1/jobs/${job.id}`))).body
    return state !== 'queued' && state !== 'running'
  }, 'the job to end')
  return (await get<JobAnswer>(url(`/v1/jobs/${job.id}`))).body
}
const rankSome = (userId = 'u1') =>
  post<Ranked>(url('/v1/rank'), {
    userId,
    candidates: Array.from({ length: 12 }, (_, i) => ({ itemId: `i${i}` })),
  })

test('a ranker without a version is live, not ready, and says what to do', async () => {
  assert.equal((await get(url('/livez'))).status, 200)
  assert.equal((await get(url('/readyz'))).status, 503)
  const { status, body, headers } = await post<Problem>(url('/v1/rank'), { userId: 'u', candidates: [{ itemId: 'i' }] })
  assert.deepEqual([status, body.code], [503, 'RANKER_NOT_READY'])
  assert.match(headers.get('content-type')!, /^application\/problem\+json/)
  assert.notEqual(headers.get('retry-after'), null)
})

test('training without examples fails with the reason', async () => {
  const job = await trained()
  assert.deepEqual([job.state, job.fault?.code], ['failed', 'TRAINING_NO_EXAMPLES'])
})

test('a malformed line in the middle of many is set aside with its place; the others are taken', async () => {
  const all = toLines(lines).split('\n')
  const middle = Math.floor(all.length / 2)
  const { status, body } = await post<Outcomes>(
    url('/v1/events'),
    [...all.slice(0, middle), '{"type": "feedback", "eventId": ', ...all.slice(middle)].join('\n'),
    ndjson,
  )
  assert.equal(status, 200)
  assert.deepEqual([body.accepted, body.quarantined], [all.length, 1])
  const bad = body.results[middle]!
  assert.deepEqual([bad.code, bad.path], ['EVENT_JSON_INVALID', `/${middle}`])
  const { body: letters } = await get<{ deadLetters: { id: number; code: string }[] }>(url('/v1/dead-letters'))
  const kept = await get<{ payloadText: string }>(url(`/v1/dead-letters/${letters.deadLetters[0]!.id}`))
  assert.equal(kept.body.payloadText, '{"type": "feedback", "eventId": ')
})

test('the same events again are duplicates, singly, as an array and as lines', async () => {
  const [one] = lines
  assert.equal((await post<Outcomes>(url('/v1/events'), one)).body.duplicate, 1)
  assert.equal((await post<Outcomes>(url('/v1/events'), lines.slice(0, 7))).body.duplicate, 7)
  assert.equal((await post<Outcomes>(url('/v1/events'), toLines(lines), ndjson)).body.duplicate, lines.length)
})

test('another event under an id that is taken is a conflict, and the first one stays', async () => {
  const changed = { ...lines.find(({ type }) => type === 'item')!, features: { genre: 'other' } }
  const { body } = await post<Outcomes>(url('/v1/events'), changed)
  assert.deepEqual([body.quarantined, body.results[0]!.code], [1, 'EVENT_ID_CONFLICT'])
})

test('a trained version serves, and its order is what it was taught', async () => {
  await until(
    async () => (await get<Trail>(url(`/v1/events/${lines.at(-1)!.eventId}`))).body.state === 'joined',
    'the join',
  )
  const job = await trained()
  assert.equal(job.state, 'completed', JSON.stringify(job))
  assert.equal(job.result?.activated, true, JSON.stringify(job.result))
  await until(async () => (await get(url('/readyz'))).status === 200, 'readiness')
  const { body } = await rankSome('u1')
  assert.equal(body.modelVersion, job.result.version)
  assert.equal(body.items.length, 12)
  const genres = body.items.slice(0, 3).map(({ itemId }) => Number(itemId.slice(1)) % 4)
  assert.deepEqual(genres, [0, 0, 0], JSON.stringify(body.items))
  for (const { tasks, score } of body.items) {
    assert.ok(tasks.click! > 0 && tasks.click! < 1)
    assert.equal(score, tasks.click)
  }
})

test('limit, objective, unknown items and unknown users are as described', async () => {
  const request = { userId: 'nobody', candidates: [{ itemId: 'i1' }, { itemId: 'never' }, { itemId: 'i2' }] }
  const { body } = await post<Ranked>(url('/v1/rank'), { ...request, limit: 2, objective: { watch: 2 } })
  assert.equal(body.items.length, 2)
  assert.deepEqual([body.unknownItems, body.degraded], [['never'], ['user']])
  for (const { tasks, score } of body.items) assert.ok(Math.abs(score - 2 * tasks.watch!) < 1e-9)
  const wrong = await post<Problem>(url('/v1/rank'), { ...request, objective: { like: 1 } })
  assert.deepEqual([wrong.status, wrong.body.code, wrong.body.path], [400, 'RANK_TASK_UNKNOWN', '/objective/like'])
  const twice = await post<Problem>(url('/v1/rank'), { ...request, candidates: [{ itemId: 'a' }, { itemId: 'a' }] })
  assert.deepEqual([twice.body.code, twice.body.path], ['RANK_CANDIDATE_REPEATED', '/candidates/1/itemId'])
})

test('more candidates than the largest graph takes get the same scores as alone', async () => {
  const candidates = Array.from({ length: 1_100 }, (_, i) => ({ itemId: `i${i}` }))
  const { body: many } = await post<Ranked>(url('/v1/rank'), { userId: 'u2', candidates })
  const { body: few } = await post<Ranked>(url('/v1/rank'), { userId: 'u2', candidates: candidates.slice(1_090) })
  const scoreOf = new Map(many.items.map(({ itemId, score }) => [itemId, score]))
  for (const { itemId, score } of few.items) assert.ok(Math.abs(scoreOf.get(itemId)! - score) < 1e-6)
})

test('feedback on a ranked slate is traced into its example, even when it comes first', async () => {
  const { body } = await rankSome('u3')
  const common = { occurredAt: new Date(Date.now() - 5_000).toISOString(), slateId: body.slateId }
  const { itemId } = body.items[0]!
  await post(url('/v1/events'), [
    { type: 'feedback', eventId: 'early-click', ...common, userId: 'u3', itemId, kind: 'click' },
    { type: 'impression', eventId: 'early-seen', ...common, itemIds: [itemId] },
  ])
  const trail = async () => (await get<Trail>(url('/v1/events/early-click'))).body
  await until(async () => (await trail()).state === 'joined', 'the feedback to meet its slate', service.output)
  const { slateId, examples } = await trail()
  assert.deepEqual([slateId, examples.map((example) => example.itemId)], [body.slateId, [itemId]])
})

test('an event says which versions learnt from it', async () => {
  const feedback = lines.find(({ type }) => type === 'feedback')!
  const { body } = await get<Trail>(url(`/v1/events/${feedback.eventId}`))
  assert.equal(body.modelVersions.length, 1)
  assert.equal((await get<Problem>(url('/v1/events/never-sent'))).body.code, 'EVENT_UNKNOWN')
})

test('no request fails while versions are swapped, and each is answered by one version', async () => {
  const first = (await rankSome()).body.modelVersion
  await post(url('/v1/events'), toLines(smallEvents(60, 2)), ndjson)
  await until(
    async () => (await get<Trail>(url('/v1/events/2-slate-59'))).body.state === 'joined',
    'the newer events to be joined',
  )
  const job = await trained()
  assert.equal(job.state, 'completed', JSON.stringify(job))
  const second = job.result!.version
  assert.notEqual(second, first)
  const seen = new Set<string>()
  let isSwapping = true
  const load = async () => {
    while (isSwapping) {
      const { status, body } = await rankSome()
      assert.equal(status, 200, JSON.stringify(body))
      seen.add(body.modelVersion)
    }
  }
  const callers = Promise.all([load(), load(), load()])
  for (let turn = 0; turn < 6; turn++) {
    const version = turn % 2 === 0 ? first : second
    assert.equal((await post(url(`/v1/models/${version}/activate`))).status, 200)
    await until(async () => (await rankSome()).body.modelVersion === version, 'the version to answer')
  }
  isSwapping = false
  await callers
  assert.deepEqual([...seen].sort(), [first, second].sort())
})

test('a cancelled job ends as cancelled and another can follow', async () => {
  const { body: job } = await post<JobAnswer>(url('/v1/jobs'), { kind: 'train' })
  assert.equal((await post<JobAnswer>(url(`/v1/jobs/${job.id}/cancel`))).body.state, 'cancelled')
  assert.equal((await trained()).state, 'completed')
})

test('a second process on the same data folder is told who has it', async () => {
  const other = startService(folder, await freePort())
  assert.equal(await other.ended, 1)
  assert.match(other.output(), /already runs on .*DATA_FOLDER_IN_USE/s)
})

test('a port in use is named, and the other service is left alone', async () => {
  const elsewhere = temporaryFolder()
  writeConfig(elsewhere)
  const other = startService(elsewhere, port)
  assert.equal(await other.ended, 1)
  assert.match(other.output(), /Port \d+ .*PORT_IN_USE/s)
  assert.equal((await get(url('/readyz'))).status, 200)
})

test('a broken configuration and a broken setting say where', async () => {
  const elsewhere = temporaryFolder()
  writeFileSync(join(elsewhere, 'polyrank.config.ts'), 'export const rankers = []\n')
  const broken = startService(elsewhere, await freePort())
  assert.equal(await broken.ended, 1)
  assert.match(broken.output(), /CONFIG_INVALID/)
  const wrong = startService(elsewhere, await freePort(), { PORT: 'eighty' })
  assert.equal(await wrong.ended, 1)
  assert.match(wrong.output(), /PORT is "eighty".*SETTING_INVALID/s)
  const file = join(elsewhere, 'file')
  mkdirSync(join(elsewhere, 'x'))
  writeFileSync(file, '')
  const unwritable = startService(join(elsewhere, 'x'), await freePort(), { POLYRANK_DATA: join(file, 'data') })
  assert.equal(await unwritable.ended, 1)
  assert.match(unwritable.output(), /DATA_FOLDER_UNWRITABLE/)
})
