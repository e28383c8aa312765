import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { eventsCommand } from '../../../../services/cli/events.ts'
import { freePort } from '../../../flows/process.ts'
import { run } from '../../cli/command-line.ts'

const brokers = process.env.TEST_KAFKA_BROKERS ?? ''
const folder = mkdtempSync(join(tmpdir(), 'polyrank-producer-'))
const before = { ...process.env }
after(() => {
  process.env = before
  rmSync(folder, { recursive: true })
})

/** Topics of a test's own, and how many events it sends. */
const settings = (changes: Record<string, string> = {}) => {
  const name = randomUUID()
  const topics = Object.fromEntries(
    ['slates', 'impressions', 'feedback', 'catalog'].map((kind) => [
      `KAFKA_TOPIC_${kind.toUpperCase()}`,
      `${name}.${kind}`,
    ]),
  )
  process.env = { ...before, ...topics, KAFKA_BROKERS: brokers, KAFKA_CREATE_TOPICS: 'true', ...changes }
  return name
}
const occurredAt = '2026-01-31T08:00:00Z'
const users = ['u1', 'u2', 'u3', 'u4', 'u5']
const lines = Array.from({ length: 5_000 }, (_, i) =>
  JSON.stringify({
    type: 'feedback',
    eventId: `e${i}`,
    occurredAt,
    userId: users[i % users.length],
    itemId: 'i',
    kind: 'click',
  }),
)
const send = (t: TestContext, text: string, ...more: string[]) => {
  const file = join(folder, 'events.ndjson')
  writeFileSync(file, text)
  return run(t, eventsCommand(), 'send', file, '--kafka', ...more)
}

interface Found {
  readonly topic: string
  readonly partition: number
  readonly key: string
  readonly value: string
  readonly contentType: string
}
/** Everything of some topics, partition by partition in their order. */
async function readTopics(topics: readonly string[], count: number): Promise<readonly Found[]> {
  const consumer = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).consumer({
    groupId: randomUUID(),
  })
  const found: Found[] = []
  await consumer.connect()
  try {
    await consumer.subscribe({ topics: [...topics], fromBeginning: true })
    await new Promise<void>((done, fail) => {
      consumer.on('consumer.crash', ({ payload }) => fail(payload.error))
      void consumer.run({
        async eachMessage({ topic, partition, message }) {
          const [key, value] = [String(message.key), String(message.value)]
          found.push({ topic, partition, key, value, contentType: String(message.headers?.['content-type']) })
          if (found.length === count) done()
        },
      })
    })
  } finally {
    await consumer.disconnect()
  }
  return found
}

test("events arrive with their bytes, each user's in one partition and in the order of the file", async (t) => {
  const name = settings()

  const { output, code } = await send(t, `${lines.join('\n')}\nno event`)

  assert.match(output, /^line 5001: EVENT_JSON_INVALID .*\n5000 sent, 1 refused\n$/)
  assert.equal(code, 1)
  const found = await readTopics([`${name}.feedback`], lines.length)
  for (const user of users) {
    const own = found.filter(({ key }) => key === user)
    assert.deepEqual(
      own.map(({ value }) => value),
      lines.filter((line) => JSON.parse(line).userId === user),
    )
    assert.equal(new Set(own.map(({ partition }) => partition)).size, 1)
  }
})

test('each kind of event goes to the topic of its kind', async (t) => {
  const name = settings()
  const events = [
    { type: 'slate', eventId: '1', occurredAt, slateId: 's', userId: 'u', items: [{ itemId: 'i' }] },
    { type: 'impression', eventId: '2', occurredAt, slateId: 's', itemIds: ['i'] },
    { type: 'feedback', eventId: '3', occurredAt, userId: 'u', itemId: 'i', kind: 'click' },
    { type: 'item', eventId: '4', occurredAt, itemId: '42' },
    { type: 'user', eventId: '5', occurredAt, userId: '42' },
  ]

  await send(t, events.map((event) => JSON.stringify(event)).join('\n'))

  const topics = ['slates', 'impressions', 'feedback', 'catalog'].map((kind) => `${name}.${kind}`)
  const found = await readTopics(topics, events.length)
  assert.ok(
    found.every(({ contentType }) => contentType === 'application/json'),
    'each says what it is',
  )
  assert.deepEqual(
    Object.fromEntries(found.map(({ topic, key, value }) => [JSON.parse(value).eventId, [topic, key]])),
    {
      1: [`${name}.slates`, 'u'],
      2: [`${name}.impressions`, 's'],
      3: [`${name}.feedback`, 'u'],
      4: [`${name}.catalog`, 'item:42'],
      5: [`${name}.catalog`, 'user:42'],
    },
  )
})

test('topics that are missing and may not be made are named, with the way out', async (t) => {
  const name = settings({ KAFKA_CREATE_TOPICS: 'false' })

  await assert.rejects(send(t, lines[0]!), { code: 'KAFKA_TOPIC_MISSING', message: new RegExp(`${name}\\.slates`) })
})

test('a broker that does not answer is a fault that names it', async (t) => {
  const nobody = `127.0.0.1:${await freePort()}`
  settings({ KAFKA_BROKERS: nobody })

  await assert.rejects(send(t, lines[0]!), { code: 'KAFKA_UNAVAILABLE', message: new RegExp(nobody) })
})
