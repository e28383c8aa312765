import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import { Fault } from '../../../models/spec/fault.ts'
import type { RankerService } from '../../../services/ranker/service.ts'
import { fakeService, servingLive, type TestApp, testApp } from './fake-service.ts'

const json = { 'content-type': 'application/json' }
const candidates = [{ itemId: 'i1' }]

/** Asserts that an answer is problem details, every field of them, and returns what differs from one to the next. */
function problemOf(answer: LightMyRequestResponse): readonly [status: number, code: string, path: string | undefined] {
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/, answer.payload)
  const { type, title, status, code, detail, path, requestId, ...rest } = answer.json()
  assert.deepEqual([type, status, rest], ['about:blank', answer.statusCode, {}], answer.payload)
  for (const text of [title, code, detail, requestId])
    assert.ok(typeof text === 'string' && text !== '', answer.payload)
  return [status, code, path]
}

let plain: TestApp
before(async () => {
  plain = await testApp()
})
after(() => plain.app.close())

const ask = async (request: InjectOptions, changes: Partial<RankerService>) => {
  const { app, logged } = await testApp(changes)
  const answer = await app.inject(request)
  await app.close()
  return { answer, logged }
}
const problemFor = async (request: InjectOptions) => problemOf(await plain.app.inject(request))

const rank = (payload: object | string): InjectOptions => ({ method: 'POST', url: '/v1/rank', payload, headers: json })
const startJob = (payload: object): InjectOptions => ({ method: 'POST', url: '/v1/jobs', payload })
const long = 'x'.repeat(257)

const invalid: readonly (readonly [what: string, request: InjectOptions, path: string])[] = [
  ['a field that is missing', rank({ candidates }), '/userId'],
  [
    'a field that is missing inside a list',
    rank({ userId: 'u', candidates: [...candidates, {}] }),
    '/candidates/1/itemId',
  ],
  ['a field that is not known', rank({ userId: 'u', candidates, limits: 3 }), '/limits'],
  [
    'a field whose name has signs of JSON pointers',
    rank({ userId: 'u', candidates: [{ itemId: 'i', 'a/b~c': 1 }] }),
    '/candidates/0/a~1b~0c',
  ],
  ['a number where text belongs', rank({ userId: 7, candidates }), '/userId'],
  ['text where a number belongs', rank({ userId: 'u', candidates, limit: '3' }), '/limit'],
  ['a limit below one', rank({ userId: 'u', candidates, limit: 0 }), '/limit'],
  ['an id too long', rank({ userId: long, candidates }), '/userId'],
  ['an id with NUL', rank({ userId: 'a\u0000', candidates }), '/userId'],
  ['no candidates', rank({ userId: 'u', candidates: [] }), '/candidates'],
  ['too many candidates', rank({ userId: 'u', candidates: Array(5_001).fill({ itemId: 'i' }) }), '/candidates'],
  ['a feature that holds an object', rank({ userId: 'u', candidates, context: { hour: {} } }), '/context/hour'],
  [
    'a weight that could overflow a score',
    rank({ userId: 'u', candidates, objective: { click: 1e300 } }),
    '/objective/click',
  ],
  [
    'a number too large for one',
    rank('{"userId":"u","candidates":[{"itemId":"i"}],"objective":{"click":1e999}}'),
    '/objective/click',
  ],
  ['a body that is a list', rank([]), ''],
  ['a body that is null', rank('null'), ''],
  ['no body', { method: 'POST', url: '/v1/rank' }, ''],
  ['a job of no kind', startJob({}), '/kind'],
  ['a job of another kind', startJob({ kind: 'dance' }), '/kind'],
  ['a job with a field that is not known', startJob({ kind: 'train', force: true }), '/force'],
  [
    'an empty idempotency key',
    { ...startJob({ kind: 'train' }), headers: { 'idempotency-key': '' } },
    '/idempotency-key',
  ],
  ['a job id with NUL', { url: '/v1/jobs/%00' }, '/id'],
  ['the id with NUL of a job to cancel', { method: 'POST', url: '/v1/jobs/%00/cancel' }, '/id'],
  ['a version with NUL', { method: 'POST', url: '/v1/models/%00/activate' }, '/version'],
  ['an event id too long', { url: `/v1/events/${long}` }, '/eventId'],
  ['an event id with NUL', { url: '/v1/events/%00' }, '/eventId'],
  ['a dead letter that is no number', { url: '/v1/dead-letters/first' }, '/id'],
  ['dead letters before no number', { url: '/v1/dead-letters?before=-1' }, '/before'],
  ['dead letters before two numbers', { url: '/v1/dead-letters?before=1&before=2' }, '/before'],
]

for (const [what, request, path] of invalid) {
  test(`a request with ${what} is refused with the place`, async () => {
    assert.deepEqual(await problemFor(request), [400, 'REQUEST_INVALID', path])
  })
}

test('what is not there is said by name, with the path of what named it', async () => {
  assert.deepEqual(await problemFor({ url: '/v1/events/e' }), [404, 'EVENT_UNKNOWN', '/eventId'])
  assert.deepEqual(await problemFor({ url: '/v1/dead-letters/7' }), [404, 'DEAD_LETTER_UNKNOWN', '/id'])
  assert.deepEqual(await problemFor({ url: '/v1/jobs/j' }), [404, 'JOB_UNKNOWN', '/id'])
  assert.deepEqual(await problemFor({ method: 'POST', url: '/v1/jobs/j/cancel' }), [404, 'JOB_UNKNOWN', '/id'])
  assert.deepEqual(await problemFor(startJob({ kind: 'train', ranker: 'constructor' })), [
    404,
    'RANKER_UNKNOWN',
    '/ranker',
  ])
  assert.deepEqual(await problemFor({ url: '/v2/rank?x=1' }), [404, 'ROUTE_UNKNOWN', undefined])
})

test('the longest event id is found, every character of it percent-encoded', async () => {
  const id = '\u20ac'.repeat(256)
  const asked: string[] = []
  const trail = async (eventId: string) => {
    asked.push(eventId)
    return null
  }

  await ask({ url: `/v1/events/${encodeURIComponent(id)}` }, { ledger: { trail, received: async () => [] } })

  assert.deepEqual(asked, [id])
})

test('an address that is not well formed, or endless, is a problem like any other', async () => {
  assert.deepEqual(await problemFor({ url: '/v1/events/%zz' }), [400, 'REQUEST_INVALID', undefined])
  assert.deepEqual(await problemFor({ url: `/v1/events/${'x'.repeat(9_000)}` }), [414, 'REQUEST_INVALID', undefined])
})

test('a body that is not JSON is refused, and so is one without an end or with nothing in it', async () => {
  for (const payload of ['{"userId": ', 'userId=u', '', '{"__proto__": {}}', '\ufeff\u0000'])
    assert.deepEqual(await problemFor(rank(payload)), [400, 'REQUEST_JSON_INVALID', undefined], payload)
})

test('another media type than JSON is refused on every route that takes a body', async () => {
  for (const url of ['/v1/rank', '/v1/jobs', '/v1/events', '/v1/jobs/j/cancel', '/v1/models/v/activate']) {
    for (const type of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'nonsense']) {
      const request: InjectOptions = { method: 'POST', url, payload: 'a=b', headers: { 'content-type': type } }
      assert.deepEqual(await problemFor(request), [415, 'REQUEST_MEDIA_TYPE_UNKNOWN', undefined], `${type} at ${url}`)
    }
  }
})

test('a body larger than the route takes is refused', async () => {
  const ofMegabytes = (count: number) => `"${'x'.repeat(count * 2 ** 20)}"`

  assert.deepEqual(await problemFor(rank(ofMegabytes(8))), [413, 'REQUEST_TOO_LARGE', undefined])
  assert.deepEqual(await problemFor({ method: 'POST', url: '/v1/events', payload: ofMegabytes(32), headers: json }), [
    413,
    'REQUEST_TOO_LARGE',
    undefined,
  ])
})

test('a method that a path does not take is answered with those it takes, whatever the body', async () => {
  const { app } = plain
  const paths = Object.entries(app.swagger().paths ?? {})
  assert.ok(paths.length > 10)

  for (const [path, methods] of paths) {
    const taken = Object.keys(methods ?? {}).flatMap((method) =>
      method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
    )
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const) {
      if (taken.includes(method)) continue
      const url = path.replaceAll(/\{\w+\}/g, '7')
      const answer = await app.inject({ method, url, payload: 'a=b', headers: { 'content-type': 'text/plain' } })
      assert.deepEqual(problemOf(answer), [405, 'METHOD_NOT_ALLOWED', undefined], `${method} ${path}`)
      assert.deepEqual(String(answer.headers.allow).split(', '), taken.sort(), `${method} ${path}`)
    }
  }
})

test('a fault keeps its status, code and path; one that may pass says when to come back', async () => {
  const use = async () => {
    throw new Fault('RANK_OVERLOADED', 'Many wait.', { status: 429, retry: true, path: '/x' })
  }
  const { answer } = await ask(rank({ userId: 'u', candidates }), { live: { ...servingLive, use } })

  assert.deepEqual(problemOf(answer), [429, 'RANK_OVERLOADED', '/x'])
  assert.equal(answer.headers['retry-after'], '1')
})

test('a fault that will not pass by itself says nothing of coming back', async () => {
  const activate = async () => {
    throw new Fault('VERSION_CORRUPT', 'It is broken.', { status: 409 })
  }
  const { answer } = await ask({ method: 'POST', url: '/v1/models/v/activate' }, { live: { ...servingLive, activate } })

  assert.deepEqual(problemOf(answer), [409, 'VERSION_CORRUPT', undefined])
  assert.equal(answer.headers['retry-after'], undefined)
})

test('an unexpected error on any route is logged and answered without what it says', async () => {
  const secret = 'password of the database'
  const fail = (): never => {
    throw new TypeError(secret)
  }
  const failing = Object.fromEntries(
    Object.entries(fakeService()).map(([name, value]) => [
      name,
      ['live', 'ledger', 'deadLetters', 'jobs', 'registry'].includes(name)
        ? Object.fromEntries(Object.keys(value).map((method) => [method, fail]))
        : ['ingest', 'replay', 'drop'].includes(name)
          ? fail
          : value,
    ]),
  ) as unknown as Partial<RankerService>
  const { app, logged } = await testApp(failing)
  const routes = Object.entries(app.swagger().paths ?? {})
    .flatMap(([path, methods]) => Object.keys(methods ?? {}).map((method) => [method, path] as const))
    .filter(([, path]) => !['/livez', '/readyz', '/metrics'].includes(path))
  const bodies: Record<string, object> = { '/v1/rank': { userId: 'u', candidates }, '/v1/jobs': { kind: 'train' } }

  for (const [method, path] of routes) {
    const answer = await app.inject({
      method: method.toUpperCase() as 'GET' | 'POST' | 'DELETE',
      url: path.replaceAll(/\{\w+\}/g, '7'),
      ...(method === 'get' ? {} : { payload: bodies[path] ?? {} }),
    })
    assert.deepEqual(problemOf(answer), [500, 'INTERNAL', undefined], `${method} ${path}`)
    assert.ok(!answer.payload.includes(secret) && answer.json().detail.includes('requestId'))
    const line = logged.at(-1) as { reqId: string; level: number; err: { message: string } }
    assert.deepEqual([line.reqId, line.level, line.err.message], [answer.json().requestId, 50, secret])
  }
  assert.equal(logged.length, routes.length)
  await app.close()
})

test('a fault of the service is logged with its code, one of the caller is not', async () => {
  const failing = (status: number) => ({
    ...servingLive,
    use: async () => {
      throw new Fault('SOME_CODE', 'Some words.', { status })
    },
  })

  const { logged } = await ask(rank({ userId: 'u', candidates }), { live: failing(503) })
  assert.deepEqual(
    logged.map(({ level, code, msg }) => [level, code, msg]),
    [[40, 'SOME_CODE', 'Some words.']],
  )
  assert.deepEqual((await ask(rank({ userId: 'u', candidates }), { live: failing(404) })).logged, [])
})

test('what is no HTTP request at all is answered as a problem, and the connection ends', async () => {
  const { app } = plain
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  const say = (text: string) =>
    new Promise<string>((resolve, reject) => {
      let answer = ''
      const socket = connect(port, '127.0.0.1', () => socket.write(text))
      socket.on('data', (chunk) => {
        answer += String(chunk)
      })
      socket.on('error', reject)
      socket.on('close', () => resolve(answer))
    })

  for (const [text, status] of [
    ['once upon a time\r\n\r\n', 400],
    [`GET /livez HTTP/1.1\r\nhost: here\r\nlong: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ] as const) {
    const [head = '', body = ''] = (await say(text)).split('\r\n\r\n')
    assert.match(head, new RegExp(`^HTTP/1.1 ${status} .*\r\ncontent-type: application/problem\\+json`))
    assert.deepEqual([JSON.parse(body).status, JSON.parse(body).code], [status, 'REQUEST_INVALID'])
  }
})
