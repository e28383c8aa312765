import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { EventOutcome, RawRecord } from '../../../../pipelines/ingest/ingest.ts'
import type { EventTrail, QuarantinedLetter, ReceivedEvent } from '../../../../pipelines/ingest/ports.ts'
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
const trails: Record<string, EventTrail> = {
  bad: { state: 'quarantined', eventId: 'bad', letter },
  good: {
    state: 'joined',
    eventId: 'good',
    type: 'feedback',
    source: 'rest',
    occurredAtMs: 0,
    receivedAtMs: 1_000,
    slateId: 's1',
    examples: [{ slateId: 's1', itemId: 'i1' }],
    modelVersions: ['v1', 'v2'],
  },
}

let tested: TestApp
/** What was asked of the order of receipt. */
const looked: unknown[] = []
let arrived: readonly ReceivedEvent[] = []
/** What the last request was taken apart into. */
let taken: readonly RawRecord[] = []
let outcomes: (records: readonly RawRecord[]) => EventOutcome[]
before(async () => {
  tested = await testApp({
    ingest: async (records) => {
      taken = records
      return outcomes(records)
    },
    ledger: {
      trail: async (eventId) => trails[eventId] ?? null,
      received: async (...question) => {
        looked.push(question)
        return arrived
      },
    },
  })
})
after(() => tested.app.close())

const allAccepted = (records: readonly RawRecord[]): EventOutcome[] =>
  records.map((_, i) => ({ eventId: `e${i}`, outcome: 'accepted' }))
const send = async (body: string | Buffer, type = 'application/json') => {
  taken = []
  const { statusCode, payload } = await tested.app.inject({
    method: 'POST',
    url: '/v1/events',
    payload: body,
    headers: { 'content-type': type },
  })
  assert.equal(statusCode, 200, payload)
  return JSON.parse(payload)
}
const records = () => taken.map(({ bytes, path }) => [path, Buffer.from(bytes).toString('utf8')])

test('one event, an array and lines are taken apart into records with their places', async () => {
  outcomes = allAccepted

  assert.equal((await send('{"a":1}')).accepted, 1)
  assert.deepEqual(records(), [['', '{"a":1}']])
  assert.equal((await send('[{"a":1},2]')).accepted, 2)
  assert.deepEqual(records(), [
    ['/0', '{"a":1}'],
    ['/1', '2'],
  ])
  assert.equal((await send('{"a":1}\n\n not json\r\n', 'application/x-ndjson')).accepted, 2)
  assert.deepEqual(records(), [
    ['/0', '{"a":1}'],
    ['/1', ' not json\r'],
  ])
})

test('lines are lines whatever stands beside their media type', async () => {
  outcomes = allAccepted

  for (const type of [
    'application/x-ndjson; charset=utf-8',
    'application/x-ndjson;charset="UTF-8"',
    'Application/X-NDJSON',
  ]) {
    assert.equal((await send('1\n2', type)).accepted, 2, type)
  }
  assert.equal((await send('[1, 2]', 'Application/JSON; charset=utf-8')).accepted, 2)
})

test('nothing sent is nothing taken, as a list or as lines', async () => {
  outcomes = allAccepted
  const nothing = { accepted: 0, duplicate: 0, quarantined: 0, results: [] }

  assert.deepEqual(await send('[]'), nothing)
  assert.deepEqual(await send('', 'application/x-ndjson'), nothing)
  assert.deepEqual(await send('\n \r\n', 'application/x-ndjson'), nothing)
})

test('an empty body that should be JSON is refused with the way out', async () => {
  for (const headers of [{ 'content-type': 'application/json' }, {}]) {
    const answer = await tested.app.inject({ method: 'POST', url: '/v1/events', payload: '', headers })
    assert.deepEqual([answer.statusCode, answer.json().code], [400, 'REQUEST_JSON_INVALID'])
    assert.match(answer.json().detail, /application\/x-ndjson/)
  }
})

test('bytes reach the record as they came', async () => {
  outcomes = allAccepted

  await send(Buffer.from([0xff, 0x00, 0x0a, 0x61]), 'application/x-ndjson')

  assert.deepEqual(
    taken.map(({ bytes }) => [...bytes]),
    [[0xff, 0x00], [0x61]],
  )
})

test('an array of more events than one request may hold is refused whole', async () => {
  const answer = await tested.app.inject({
    method: 'POST',
    url: '/v1/events',
    payload: `[${Array(10_001).fill('0').join()}]`,
    headers: { 'content-type': 'application/json' },
  })

  assert.deepEqual([answer.statusCode, answer.json().code], [413, 'EVENTS_TOO_MANY'])
})

test('outcomes are counted, told in order, and counted again for Prometheus', async () => {
  const results: EventOutcome[] = [
    { eventId: 'a', outcome: 'accepted' },
    { eventId: 'b', outcome: 'duplicate' },
    { eventId: null, outcome: 'quarantined', code: 'EVENT_JSON_INVALID', path: '/2', message: 'Not JSON.' },
    { eventId: 'd', outcome: 'accepted' },
  ]
  outcomes = () => results

  assert.deepEqual(await send('[1,2,3,4]'), { accepted: 2, duplicate: 1, quarantined: 1, results })
  const { payload: metrics } = await tested.app.inject({ url: '/metrics' })
  assert.match(metrics, /^polyrank_events_total\{outcome="quarantined",code="EVENT_JSON_INVALID"\} 1$/m)
})

test('the trail of an event says where it went, and that of a quarantined one why', async () => {
  const good = await tested.app.inject({ url: '/v1/events/good' })
  const bad = await tested.app.inject({ url: '/v1/events/bad' })

  assert.deepEqual(good.json(), {
    eventId: 'good',
    state: 'joined',
    type: 'feedback',
    source: 'rest',
    occurredAt: '1970-01-01T00:00:00.000Z',
    receivedAt: '1970-01-01T00:00:01.000Z',
    slateId: 's1',
    examples: [{ slateId: 's1', itemId: 'i1' }],
    modelVersions: ['v1', 'v2'],
  })
  assert.deepEqual(bad.json(), {
    eventId: 'bad',
    state: 'quarantined',
    source: 'rest',
    receivedAt: '1970-01-01T00:00:01.000Z',
    deadLetter: JSON.parse(JSON.stringify(told)),
  })
})

const received = (query = '') => tested.app.inject({ url: `/v1/events${query}` })
const untilMs = 1_700_000_000_000 - 1_000

test('received events are told in order, and each answer says where the next one goes on', async () => {
  const event = { type: 'item', eventId: 'a:b', occurredAt: '1970-01-01T00:00:00Z', itemId: 'i' } as const
  looked.length = 0
  arrived = [{ eventId: 'a:b', receivedAtMs: 2_000, source: 'rest', event }]

  const first = (await received()).json()
  arrived = []
  const second = (await received(`?limit=7&after=${encodeURIComponent(first.next)}`)).json()

  assert.deepEqual(first, {
    events: [{ eventId: 'a:b', receivedAt: '1970-01-01T00:00:02.000Z', source: 'rest', event }],
    next: '2000:a:b',
  })
  assert.deepEqual(second, { events: [], next: '2000:a:b' })
  assert.deepEqual(looked, [
    [null, untilMs, 100],
    [{ receivedAtMs: 2_000, eventId: 'a:b' }, untilMs, 7],
  ])
})

test('where nothing was received yet, what follows is what comes from now on', async () => {
  looked.length = 0
  arrived = []

  const { next } = (await received()).json()
  await received(`?after=${next}&limit=9999`)

  assert.equal(next, String(untilMs))
  assert.deepEqual(looked[1], [{ receivedAtMs: untilMs, eventId: '' }, untilMs, 1_000])
})

test('a place that no answer gave is refused', async () => {
  for (const after of ['', 'x', '1:', '-1'])
    assert.equal((await received(`?after=${after}`)).statusCode, 400, JSON.stringify(after))
})
