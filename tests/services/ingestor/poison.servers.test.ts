import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { feedback, openWorld, until, type World } from './kafka-world.ts'

let world: World
beforeEach(async () => {
  world = await openWorld()
  await world.makeTopics()
})
afterEach(() => world.close())

const bytes = (...parts: readonly (string | Buffer)[]) => Buffer.concat(parts.map((part) => Buffer.from(part)))

test('what nobody can read is set aside with its bytes and its place, and what stands beside it comes in', async () => {
  const poison: readonly (readonly [what: string, value: Buffer | null, code: string])[] = [
    ['bytes that are no UTF-8', bytes('{"type": "', Buffer.of(0xc3, 0x28), '"}'), 'EVENT_JSON_INVALID'],
    ['a NUL byte', bytes(feedback('nul').replace('u1', 'u\u0000')), 'EVENT_JSON_INVALID'],
    ['an escaped NUL', bytes(feedback('escaped').replace('u1', '\\u0000')), 'EVENT_FIELD_INVALID'],
    ['half of an event', bytes(feedback('half').slice(0, 40)), 'EVENT_JSON_INVALID'],
    ['an unknown type', bytes(feedback('strange').replace('feedback', 'rumour')), 'EVENT_TYPE_UNKNOWN'],
    ['no value', null, 'EVENT_JSON_INVALID'],
    ['an empty value', Buffer.alloc(0), 'EVENT_JSON_INVALID'],
    ['a list in a list, and so on', bytes('['.repeat(100_000), ']'.repeat(100_000)), 'EVENT_FIELD_INVALID'],
    ['an object in an object', bytes('{"type":'.repeat(100_000), '1', '}'.repeat(100_000)), 'EVENT_TYPE_UNKNOWN'],
    [
      'features without a bottom',
      bytes(feedback('deep', { x: 1 }).replace('"x":1', `"x":${'['.repeat(50_000)}${']'.repeat(50_000)}`)),
      'EVENT_FIELD_UNKNOWN',
    ],
    ['another event under a taken id', bytes(feedback('good-0', { kind: 'like' })), 'EVENT_ID_CONFLICT'],
  ]
  const good = (i: number) => ({ value: feedback(`good-${i}`), partition: 0 })
  const messages = poison.flatMap(([, value], i) => [good(i), { value, partition: 0 }])

  await world.send(world.feedbackTopic, messages)
  await world.start()
  await world.stored(poison.length)

  const letters = (await world.deadLetters.list(null)).toReversed()
  assert.deepEqual(
    letters.map(({ code, topic, partition, offset }) => ({ code, topic, partition, offset })),
    poison.map(([, , code], i) => ({ code, topic: world.feedbackTopic, partition: 0, offset: 2 * i + 1 })),
  )
  for (const [i, [what, value]] of poison.entries()) {
    const letter = await world.deadLetters.find(letters[i]!.id)
    assert.ok(Buffer.from(letter!.payload).equals(value ?? Buffer.alloc(0)), what)
  }
  assert.deepEqual(await world.ids(), poison.map((_, i) => `good-${i}`).sort())
  await until('the position stands behind all', async () => (await world.position(0))?.nextOffset === messages.length)
})

test("the catalogue's records without a value delete what their key names", async () => {
  const key = (text: string | Buffer) => ({ key: text, value: null, partition: 1, timestamp: '1700000000000' })
  await world.send(world.catalogTopic, [
    key('item:i 7'),
    key('user:42'),
    key('sold:42'),
    key(bytes('item:', Buffer.of(0xff))),
  ])

  await world.start()
  const letters = await until('two are set aside', async () => {
    const all = await world.deadLetters.list(null)
    return all.length === 2 && all
  })

  const { rows } = await world.pool.query<{ body: object }>('select body from event_bodies order by event_id')
  const common = { occurredAt: '2023-11-14T22:13:20.000Z', deleted: true }
  assert.deepEqual(
    rows.map(({ body }) => body),
    [
      { type: 'item', eventId: `${world.catalogTopic}-1-0`, itemId: 'i 7', ...common },
      { type: 'user', eventId: `${world.catalogTopic}-1-1`, userId: '42', ...common },
    ],
  )
  assert.deepEqual(letters.map(({ offset }) => offset).sort(), [2, 3])
})

test('what a transaction took back does not come in, and its marks are passed', async () => {
  const producer = world.kafka.producer({ transactionalId: world.name, maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  const sendIn = async (end: 'commit' | 'abort', id: string) => {
    const transaction = await producer.transaction()
    await transaction.send({ topic: world.feedbackTopic, messages: [{ value: feedback(id), partition: 0 }] })
    await transaction[end]()
  }
  await sendIn('abort', 'never-1')
  await sendIn('commit', 'kept-1')
  await sendIn('commit', 'kept-2')
  const beforeMs = Date.now()

  await world.start()
  await world.stored(2)
  await sendIn('abort', 'never-2')
  await producer.disconnect()

  // A mark behind each: four records, four marks.
  const position = await until('the position passes the last mark', async () => {
    const found = await world.position(0)
    return found?.nextOffset === 8 && found.watermarkMs > beforeMs && found
  })
  assert.equal(position.nextOffset, 8)
  assert.deepEqual(await world.ids(), ['kept-1', 'kept-2'])
})

/** What the protocol calls a topic. */
const topicResource = 2

for (const codec of ['snappy', 'lz4', 'zstd']) {
  test(`a partition whose records are packed by ${codec} stops there and says so, and the others go on`, async () => {
    await world.send(world.feedbackTopic, [
      { value: feedback('before'), partition: 0 },
      { value: feedback('beside-1'), partition: 1 },
    ])
    const ingestor = await world.start()
    await world.stored(2)
    const admin = world.kafka.admin()
    await admin.connect()
    const configEntries = [{ name: 'compression.type', value: codec }]
    const resource = { type: topicResource, name: world.feedbackTopic, configEntries }
    await admin.alterConfigs({ validateOnly: false, resources: [resource] })
    const packed = ['a', 'b', 'c'].map((id) => ({ value: feedback(id), partition: 0 }))
    await world.send(world.feedbackTopic, packed)
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ ...resource, configEntries: [{ name: 'compression.type', value: 'producer' }] }],
    })
    await admin.disconnect()

    const stopped = await until('the partition stops', () =>
      ingestor.states().partitions.find(({ state }) => state === 'stopped'),
    )
    await world.send(world.feedbackTopic, [{ value: feedback('beside-2'), partition: 1 }])
    await world.stored(3)

    assert.deepEqual([stopped.partition, stopped.nextOffset, stopped.fault?.code], [0, 1, 'KAFKA_CODEC_MISSING'])
    assert.match(stopped.fault!.message, new RegExp(`packed by ${codec}`))
    assert.deepEqual(await world.ids(), ['before', 'beside-1', 'beside-2'])
    assert.equal((await world.position(0))?.nextOffset, 1)
  })
}
