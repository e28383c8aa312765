import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { ReplayOutcome } from '../../../../pipelines/ingest/ingest.ts'
import type { QuarantinedLetter } from '../../../../pipelines/ingest/ports.ts'
import { type TestApp, testApp } from '../fake-service.ts'

const letter: QuarantinedLetter = {
  id: 7,
  eventId: 'bad',
  code: 'EVENT_FIELD_MISSING',
  path: '/kind',
  message: 'The field "kind" is missing; add it.',
  source: 'rest',
  receivedAtMs: 1_000,
  topic: 'polyrank.feedback',
  partition: 2,
  offset: 41,
  attempts: 1,
  resolution: null,
  resolvedAtMs: null,
}
const { receivedAtMs: _, resolvedAtMs: __, ...kept } = letter
const told = { ...kept, receivedAt: '1970-01-01T00:00:01.000Z', resolvedAt: null }
const payload = Uint8Array.from([0xff, 0x00, 0x61])

let tested: TestApp
let asked: unknown[] = []
let answer: ReplayOutcome
let found: QuarantinedLetter | null = letter
before(async () => {
  tested = await testApp({
    deadLetters: {
      countOpen: async () => 1,
      list: async (...question) => {
        asked.push(question)
        return [letter]
      },
      find: async (id) => (id === 7 && found !== null ? { ...found, payload } : null),
    },
    replay: async (id, mended) => {
      asked.push([id, mended === null ? null : Buffer.from(mended).toString('latin1')])
      return answer
    },
    drop: async (id) => {
      asked.push(['drop', id])
      if (found === null || found.resolution !== null) return false
      found = { ...letter, resolution: 'dropped', resolvedAtMs: 5_000 }
      return true
    },
  })
})
beforeEach(() => {
  asked = []
  found = letter
})
after(() => tested.app.close())

const get = (url: string) => tested.app.inject({ url })
const replay = (body?: string | Buffer, type = 'application/json', id = '7') =>
  tested.app.inject({
    method: 'POST',
    url: `/v1/dead-letters/${id}/replay`,
    ...(body === undefined ? {} : { payload: body, headers: { 'content-type': type } }),
  })
const drop = (id = '7') => tested.app.inject({ method: 'DELETE', url: `/v1/dead-letters/${id}` })

test('dead letters are listed a page at a time, all of them or those of one fault, and shown with their bytes', async () => {
  const all = await get('/v1/dead-letters')
  await get('/v1/dead-letters?before=100&code=EVENT_JSON_INVALID')
  const one = await get('/v1/dead-letters/7')

  assert.deepEqual(asked, [
    [null, undefined],
    [100, 'EVENT_JSON_INVALID'],
  ])
  assert.deepEqual(all.json(), { deadLetters: [told] })
  assert.deepEqual(one.json(), { ...told, payloadBase64: '/wBh', payloadText: '\ufffd\u0000a' })
})

test('a letter is replayed as it is, or with the bytes that are sent in its place', async () => {
  answer = { eventId: 'bad', outcome: 'accepted' }

  const asItIs = await replay()
  await replay('')
  await replay('{"type": "item"}')
  await replay(Buffer.from([0xff, 0x7b]))

  assert.deepEqual([asItIs.statusCode, asItIs.json()], [200, answer])
  assert.deepEqual(asked, [
    [7, null],
    [7, null],
    [7, '{"type": "item"}'],
    [7, '\u00ff{'],
  ])
})

test('an event that is still bad is an answer with its fault, and counted as every event is', async () => {
  answer = { eventId: 'bad', outcome: 'quarantined', code: 'EVENT_FIELD_UNKNOWN', path: '/x', message: 'Not known.' }

  const again = await replay('{"x":1}')

  assert.deepEqual([again.statusCode, again.json()], [200, answer])
  const { payload: metrics } = await get('/metrics')
  assert.match(metrics, /^polyrank_events_total\{outcome="quarantined",code="EVENT_FIELD_UNKNOWN"\} 1$/m)
})

test('a dropped letter is answered as it ended', async () => {
  const { statusCode, payload: body } = await drop()

  assert.equal(statusCode, 200)
  assert.deepEqual(JSON.parse(body), { ...told, resolution: 'dropped', resolvedAt: '1970-01-01T00:00:05.000Z' })
})

test('what is unknown or has ended can be neither replayed nor dropped, and the problem says which', async () => {
  answer = { outcome: 'unknown' }
  const problems = async () =>
    (await Promise.all([replay(), drop()])).map((each) => [each.statusCode, each.json().code, each.json().detail])

  found = { ...letter, resolution: 'replayed', resolvedAtMs: 5_000 }
  const ended = await problems()
  found = { ...letter, resolution: 'dropped', resolvedAtMs: null }
  const dropped = await problems()
  found = null
  const unknown = await problems()

  const said = 'This dead letter was replayed at 1970-01-01T00:00:05.000Z; its event was taken in.'
  assert.deepEqual(ended, Array(2).fill([404, 'DEAD_LETTER_ENDED', said]))
  assert.deepEqual(
    dropped,
    Array(2).fill([404, 'DEAD_LETTER_ENDED', 'This dead letter was dropped; its payload is gone.']),
  )
  assert.deepEqual(
    unknown.map(([status, code]) => [status, code]),
    Array(2).fill([404, 'DEAD_LETTER_UNKNOWN']),
  )
})

test('an id that is none, and a body that is no JSON by its media type, reach no letter', async () => {
  const answers = await Promise.all([replay(undefined, '', 'x'), drop('-1'), replay('a', 'text/plain')])

  assert.deepEqual(
    answers.map(({ statusCode }) => statusCode),
    [400, 400, 415],
  )
  assert.deepEqual(asked, [])
})
