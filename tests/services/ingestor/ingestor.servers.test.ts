import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { CompressionTypes } from 'kafkajs'
import { feedback, latenessMs, openWorld, until, type World } from './kafka-world.ts'

let world: World
beforeEach(async () => {
  world = await openWorld()
})
afterEach(() => world.close())

const numbered = (count: number, name = 'e') => Array.from({ length: count }, (_, i) => `${name}${i}`)

test('events of a topic come in, and the position stands behind them', async () => {
  await world.makeTopics()
  await world.send(
    world.feedbackTopic,
    numbered(5_000).map((id) => ({ value: feedback(id), partition: 1 })),
  )

  const ingestor = await world.start()
  await world.stored(5_000)

  const reading = await until('all is read', () => {
    const states = ingestor.states().partitions.filter(({ topic }) => topic === world.feedbackTopic)
    return (
      states.length === 2 &&
      states.every(({ state, nextOffset }) => state === 'reading' && nextOffset !== null) &&
      states
    )
  })
  assert.deepEqual(reading.map(({ partition, nextOffset }) => [partition, nextOffset]).sort(), [
    [0, 0],
    [1, 5_000],
  ])
  assert.equal((await world.position(1))?.nextOffset, 5_000)
  assert.equal(ingestor.states().fault, null)
  assert.deepEqual(await world.deadLetters.list(null), [])
})

test('an event of five megabytes and packed ones come in', async () => {
  await world.makeTopics()
  const texts = numbered(256).map((text) => text.padEnd(4_096))
  const features = Object.fromEntries(numbered(5, 'f').map((name) => [name, texts]))
  const item = { type: 'item', eventId: 'large', occurredAt: new Date().toISOString(), itemId: 'i1', features }
  await world.send(world.catalogTopic, [{ value: JSON.stringify(item), partition: 0 }])
  const packed = numbered(300).map((id) => ({ value: feedback(id), partition: 0 }))
  await world.send(world.feedbackTopic, packed, { compression: CompressionTypes.GZIP })

  await world.start()
  await world.stored(301)

  const { rows } = await world.pool.query<{ bytes: number }>(
    "select octet_length(body::text) as bytes from event_bodies where event_id = 'large'",
  )
  assert.ok(rows[0]!.bytes > 5 * 1024 * 1024)
  assert.deepEqual(await world.deadLetters.list(null), [])
})

test('headers of any kind are no part of an event', async () => {
  await world.makeTopics()
  const headers = { 'content-type': 'text/plain', trace: Buffer.from([0xff, 0x00]), twice: ['a', 'b'], type: 'slate' }
  await world.send(world.feedbackTopic, [{ value: feedback('headed'), headers, partition: 0 }])

  await world.start()

  assert.equal(await world.stored(1), 1)
  assert.deepEqual(await world.deadLetters.list(null), [])
})

test('a source goes on while its topics are silent', async () => {
  await world.makeTopics()
  await world.send(world.feedbackTopic, [{ value: feedback('only'), partition: 0 }])
  const beforeMs = Date.now()

  await world.start()

  await until('the clocks of all partitions pass the start', async () => {
    const positions = await world.positions.list(world.name)
    return positions.length === 8 && positions.every(({ watermarkMs }) => watermarkMs > beforeMs + latenessMs)
  })
  assert.deepEqual(await world.ids(), ['only'])
})
