import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { eventsCommand } from '../../../services/cli/events.ts'
import { fakeService, polyrank, run } from './command-line.ts'

const folder = mkdtempSync(join(tmpdir(), 'polyrank-events-'))
after(() => rmSync(folder, { recursive: true }))
const fileOf = (text: string | Buffer) => {
  const file = join(folder, 'events.ndjson')
  writeFileSync(file, text)
  return file
}
const events = (t: TestContext, url: string, ...words: string[]) => run(t, eventsCommand(), ...words, '--url', url)

/** Answers for each line: what it says itself. */
const answering = () =>
  fakeService(({ body }) => ({
    body: {
      results: body
        .split('\n')
        .filter((line) => line !== '')
        .map((line, i) =>
          line === 'bad'
            ? {
                eventId: null,
                outcome: 'quarantined',
                code: 'EVENT_JSON_INVALID',
                path: `/${i}/a`,
                message: 'Not JSON.',
              }
            : { eventId: line, outcome: line === 'twice' ? 'duplicate' : 'accepted' },
        ),
    },
  }))

test('a file is sent by batches, and its faults are told by the lines of the file', async (t) => {
  const { url, asked } = await answering()
  const lines = Array.from({ length: 4_100 }, (_, i) => (i === 0 ? 'bad' : i === 4_050 ? 'bad' : `e${i}`))
  const file = fileOf(`\n${lines.join('\n')}\ntwice`)

  const { output, code } = await events(t, url, 'send', file)

  assert.deepEqual(
    asked.map(({ method, path, body }) => [method, path, body.trimEnd().split('\n').length]),
    [2_000, 2_000, 101].map((size) => ['POST', '/v1/events', size]),
  )
  assert.deepEqual(output.split('\n'), [
    'line 2: EVENT_JSON_INVALID at /a: Not JSON.',
    'line 4052: EVENT_JSON_INVALID at /a: Not JSON.',
    '2 quarantined, 4098 accepted, 1 duplicate',
    '',
  ])
  assert.equal(code, 1)
})

test('at most ten faults are told, and all are counted', async (t) => {
  const { url } = await answering()

  const { output } = await events(t, url, 'send', fileOf('bad\n'.repeat(12)), '--json')

  const { quarantined, faults } = JSON.parse(output)
  assert.deepEqual([quarantined, faults.length, faults[9].line], [12, 10, 10])
})

test('a file of good events exits 0, and an empty one says that it is', async (t) => {
  const { url, asked } = await answering()

  const good = await events(t, url, 'send', fileOf('e1\ntwice\n'))
  const empty = await events(t, url, 'send', fileOf('\n \n'))

  assert.deepEqual([good.output, good.code], ['1 accepted, 1 duplicate\n', 0])
  assert.deepEqual([empty.output, empty.code, asked.length], ['There are no events.\n', 0, 1])
})

test('where the service fails on the way, the fault says how far it came', async (t) => {
  let requests = 0
  const { url } = await fakeService(() => {
    requests++
    return requests === 1
      ? { body: { results: Array(2_000).fill({ eventId: 'e', outcome: 'accepted' }) } }
      : { status: 503, body: { code: 'STORAGE_UNAVAILABLE', detail: 'The storage is away.' } }
  })

  await assert.rejects(events(t, url, 'send', fileOf('e\n'.repeat(2_001))), {
    code: 'STORAGE_UNAVAILABLE',
    message: /^The storage is away\. Lines up to 2000 are done; sending the file again is safe\.$/,
  })
})

test('a file that cannot be read is a fault that names it', async (t) => {
  const { url } = await answering()

  await assert.rejects(events(t, url, 'send', join(folder, 'none')), { code: 'FILE_UNREADABLE', message: /none/ })
})

test('to Kafka nothing is sent where no Kafka is set', async (t) => {
  const before = process.env.KAFKA_BROKERS
  t.after(() => {
    if (before !== undefined) process.env.KAFKA_BROKERS = before
  })
  delete process.env.KAFKA_BROKERS

  await assert.rejects(run(t, eventsCommand(), 'send', fileOf('e\n'), '--kafka'), {
    code: 'SETTING_INVALID',
    path: 'KAFKA_BROKERS',
  })
})

test('the trail of an event is told, with the way on where it was set aside', async (t) => {
  const trail = {
    eventId: 'a b',
    state: 'joined',
    type: 'feedback',
    source: 'rest',
    receivedAt: '2026-01-31T08:00:00.000Z',
    slateId: 's1',
    examples: [{ slateId: 's1', itemId: 'i1' }],
    modelVersions: ['v1', 'v2'],
  }
  const deadLetter = { id: 7, code: 'X', path: '/kind', message: 'Add it.' }
  const aside = { eventId: 'bad', state: 'quarantined', source: 'kafka', receivedAt: trail.receivedAt, deadLetter }
  const { url, asked } = await fakeService(({ path }) => ({ body: path.endsWith('bad') ? aside : trail }))

  const joined = await events(t, url, 'show', 'a b')
  const bad = await events(t, url, 'show', 'bad')
  const json = await events(t, url, 'show', 'bad', '--json')

  assert.equal(asked[0]!.path, '/v1/events/a%20b')
  assert.deepEqual(joined.output.split('\n'), [
    'a b  joined  feedback, from rest, received 2026-01-31T08:00:00.000Z',
    '  slate s1',
    '  examples of i1',
    '  learnt by v1, v2',
    '',
  ])
  assert.match(bad.output, /dead letter 7: X at \/kind: Add it\.\n {2}polyrank dead-letters edit 7\n$/)
  assert.deepEqual(JSON.parse(json.output), aside)
})

const received = (eventId: string) => ({
  eventId,
  receivedAt: '2026-01-31T08:00:00.000Z',
  source: 'rest',
  event: { type: 'item', eventId },
})

test('tail tells the newest events, and goes on from where each answer ended while it follows', async (t) => {
  const answers = [
    { events: [received('e1')], next: '1:e1' },
    { events: [], next: '1:e1' },
    { events: [received('e2'), received('e3')], next: '1:e3' },
  ]
  const { url, asked } = await fakeService(() => {
    const body = answers.shift()
    return body === undefined ? { status: 503, body: { code: 'STOPPING', detail: 'It stops.' } } : { body }
  })
  const seen: string[] = []
  const log = t.mock.method(console, 'log', (line: string) => void seen.push(line))

  await assert.rejects(
    eventsCommand().parseAsync(['tail', '--follow', '--limit', '5', '--json', '--url', url], { from: 'user' }),
    { code: 'STOPPING' },
  )

  log.mock.restore()
  assert.deepEqual(
    seen.map((line) => JSON.parse(line)),
    ['e1', 'e2', 'e3'].map(received),
  )
  assert.deepEqual(
    asked.map(({ path }) => path),
    ['limit=5', 'limit=1000&after=1%3Ae1', 'limit=1000&after=1%3Ae1', 'limit=1000&after=1%3Ae3'].map(
      (query) => `/v1/events?${query}`,
    ),
  )
})

test('tail alone asks once', async (t) => {
  const { url, asked } = await fakeService(() => ({ body: { events: [received('e1')], next: '1:e1' } }))

  const { output } = await events(t, url, 'tail')

  assert.equal(output, '2026-01-31T08:00:00.000Z  rest  {"type":"item","eventId":"e1"}\n')
  assert.deepEqual(
    asked.map(({ path }) => path),
    ['/v1/events?limit=20'],
  )
})

test('the program has these commands, and a file that is not there exits 1', async () => {
  const { code, errors } = await polyrank(['events', 'send', join(folder, 'none')])

  assert.equal(code, 1)
  assert.match(errors, /polyrank: .*none cannot be read.*\[FILE_UNREADABLE\]/)
})
