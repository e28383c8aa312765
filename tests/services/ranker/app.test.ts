import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { type IngestContext, ingest } from '../../../pipelines/ingest/ingest.ts'
import { createSlateLog } from '../../../services/ranker/slate-log.ts'
import { type TestApp, testApp } from './fake-service.ts'

const intake: IngestContext = {
  store: {
    transaction: (work) =>
      work({
        accept: async (events) => events.map(() => 'accepted'),
        quarantine: async () => {},
        newestPending: async () => null,
        advance: async () => {},
        claim: async () => {},
        holdLetter: async () => null,
        resolveLetter: async () => {},
        keepLetter: async () => {},
      }),
  },
  rankers: ['small'],
  source: 'rest',
  nowMs: () => 1_700_000_000_000,
}

let tested: TestApp
before(async () => {
  tested = await testApp({
    ingest: (records) => ingest(records, intake),
    slateLog: createSlateLog((records) => ingest(records, intake)),
  })
})
after(() => tested.app.close())

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('u1', '', '__proto__', 'constructor', '\u0000', '\ud800', 'x'.repeat(300)),
)
const number = fc.oneof(fc.double(), fc.constantFrom(0, -0, 1e308, -1e308, 5e-324))
const leaf = fc.oneof(text, number, fc.boolean(), fc.constant(null))
const name = fc.oneof({ weight: 10, arbitrary: fc.constantFrom('hour', 'genre') }, { weight: 1, arbitrary: text })
const features = fc.dictionary(name, fc.oneof(leaf, fc.array(leaf, { maxLength: 3 })), { maxKeys: 3 })
const mixed = <Value>(arbitrary: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 20, arbitrary }, { weight: 1, arbitrary: leaf })

const rankRequest = fc.record(
  {
    userId: mixed(fc.constantFrom('u1', 'u2')),
    context: mixed(features),
    user: mixed(features),
    candidates: mixed(
      fc.array(fc.record({ itemId: mixed(fc.string({ minLength: 1 })), features }, { requiredKeys: ['itemId'] }), {
        minLength: 1,
        maxLength: 4,
      }),
    ),
    limit: mixed(fc.integer({ min: 1, max: 5 })),
    objective: mixed(fc.record({ click: number, watch: number }, { requiredKeys: [] })),
  },
  { requiredKeys: ['userId', 'candidates'] },
)
const event = fc.record(
  {
    type: mixed(fc.constantFrom('slate', 'impression', 'feedback', 'item', 'user')),
    eventId: mixed(fc.constant('e1')),
    occurredAt: mixed(fc.constantFrom('2022-01-01T00:00:00Z', '2022-13-41T00:00:00Z', '9999-12-31T23:59:59Z')),
    slateId: mixed(fc.constant('s1')),
    userId: text,
    itemId: text,
    itemIds: mixed(fc.array(text, { maxLength: 3 })),
    items: mixed(fc.array(fc.record({ itemId: text, features }, { requiredKeys: ['itemId'] }), { maxLength: 3 })),
    features,
    kind: text,
    value: leaf,
  },
  { requiredKeys: ['type', 'eventId'] },
)
const lines = (values: readonly unknown[]) => values.map((value) => JSON.stringify(value)).join('\r\n')
const noise = fc.oneof(
  fc.json(),
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
)
const headerText = fc.stringMatching(/^[\x20-\x7e]{0,20}$/)
const headers = fc.record(
  {
    'content-type': fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom('application/json', 'application/json; charset=utf-8') },
      { weight: 4, arbitrary: fc.constantFrom('application/x-ndjson', 'Application/X-NDJSON;charset=UTF-8') },
      { weight: 1, arbitrary: headerText },
    ),
    accept: headerText,
    'idempotency-key': headerText,
    'accept-encoding': headerText,
  },
  { requiredKeys: [] },
)
/** Mostly what each route takes, or nearly. */
const sent = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.constant('/v1/rank'),
      rankRequest.map((value) => JSON.stringify(value)),
    ),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.constant('/v1/events'),
      fc.oneof(
        fc.oneof(event, fc.array(event, { maxLength: 3 })).map((value) => JSON.stringify(value)),
        fc.array(event, { maxLength: 3 }).map(lines),
      ),
    ),
  },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom('/v1/rank', '/v1/events', '/v1/jobs'), noise) },
  {
    weight: 3,
    arbitrary: fc.tuple(
      fc
        .tuple(fc.constantFrom('/v1/events/', '/v1/jobs/', '/v1/dead-letters/', '/v1/models/', '/v1/'), headerText)
        .map(([start, end]) => start + end.replaceAll(/[ #?]/g, '%')),
      noise,
    ),
  },
)
const method = fc.oneof(
  { weight: 8, arbitrary: fc.constant('POST' as const) },
  { weight: 1, arbitrary: fc.constantFrom('GET' as const, 'DELETE' as const) },
)

test('whatever is sent, the answer is JSON and never an error of the service', async () => {
  await fc.assert(
    fc.asyncProperty(method, sent, headers, async (method, [url, payload], headers) => {
      const answer = await tested.app.inject({ method, url, headers, payload })

      assert.ok(answer.statusCode < 500, `${answer.statusCode}: ${answer.payload}`)
      assert.match(String(answer.headers['content-type']), /^application\/(problem\+)?json/)
      assert.equal(typeof answer.json(), 'object')
    }),
    { numRuns: 400 },
  )
})

test('what a valid request ranks is logged as a valid slate, whatever its features hold', async () => {
  const valid = fc.record(
    {
      userId: fc.string({ minLength: 1, maxLength: 256 }),
      context: fc.dictionary(
        fc.string({ minLength: 1 }).filter((key) => key !== '__proto__'),
        fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null)),
        { maxKeys: 4 },
      ),
      candidates: fc.uniqueArray(fc.record({ itemId: fc.string({ minLength: 1 }) }), {
        minLength: 1,
        maxLength: 20,
        selector: ({ itemId }) => itemId,
      }),
      limit: fc.integer({ min: 1, max: 1e9 }),
      objective: fc.record({ click: fc.double({ min: -1e9, max: 1e9, noNaN: true }) }),
    },
    { requiredKeys: ['userId', 'candidates'] },
  )
  await fc.assert(
    fc.asyncProperty(valid, async (request) => {
      const answer = await tested.app.inject({ method: 'POST', url: '/v1/rank', payload: request })

      assert.equal(answer.statusCode, 200, answer.payload)
      const { items } = answer.json()
      assert.equal(items.length, Math.min(request.limit ?? 20, request.candidates.length))
      for (const { score } of items) assert.ok(Number.isFinite(score))
    }),
    { numRuns: 150 },
  )
})

test('the page of the interface is HTML and its contract is at a fixed place', async () => {
  const page = await tested.app.inject({ url: '/docs' })
  const contract = await tested.app.inject({ url: '/openapi.json' })

  assert.match(String(page.headers['content-type']), /^text\/html/)
  assert.match(page.payload, /<div id="swagger-ui">/)
  assert.deepEqual(contract.json(), JSON.parse(JSON.stringify(tested.app.swagger())))
})

test('every answer carries the headers that keep browsers from guessing', async () => {
  for (const path of ['/livez', '/v1/rankers', '/nowhere']) {
    const { headers } = await tested.app.inject({ url: path })
    assert.deepEqual([headers['x-content-type-options'], headers['x-powered-by']], ['nosniff', undefined], path)
  }
})
