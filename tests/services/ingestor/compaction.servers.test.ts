import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, test } from 'node:test'
import kafkajs from 'kafkajs'
import { openWorld, until, type World } from './kafka-world.ts'

let world: World
beforeEach(async () => {
  world = await openWorld()
  await world.makeTopics()
  const configEntries = Object.entries({
    'cleanup.policy': 'compact',
    'segment.ms': '100',
    'min.cleanable.dirty.ratio': '0.001',
  }).map(([name, value]) => ({ name, value }))
  const admin = world.kafka.admin()
  await admin.connect()
  try {
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: world.catalogTopic, configEntries }]
    await admin.alterConfigs({ validateOnly: false, resources })
  } finally {
    await admin.disconnect()
  }
})
afterEach(() => world.close())

/** One a version of an item, each the newest of its key: those before it may go. */
const sendItems = (...items: readonly (readonly [id: string, version: number])[]) =>
  world.send(
    world.catalogTopic,
    items.map(([id, version]) => {
      const event = { type: 'item', eventId: `${id}-${version}`, occurredAt: '2024-01-01T00:00:00Z', itemId: id }
      return { key: `item:${id}`, value: JSON.stringify({ ...event, features: { version } }), partition: 0 }
    }),
  )

/** Offsets of what the broker still has, up to and with `last`. */
async function offsetsUntil(last: number): Promise<readonly number[]> {
  const consumer = world.kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 50 })
  const found: number[] = []
  await consumer.connect()
  try {
    await consumer.subscribe({ topics: [world.catalogTopic], fromBeginning: true })
    await consumer.run({ eachMessage: async ({ message }) => void found.push(Number(message.offset)) })
    await until('all is read', () => found.at(-1) === last)
    return found
  } finally {
    await consumer.disconnect()
  }
}
const standsAt = (nextOffset: number) =>
  until(
    `the position is ${nextOffset}`,
    async () => (await world.position(0, world.catalogTopic))?.nextOffset === nextOffset,
  )

test('gaps that compaction left are passed over, at the start and in the middle, and nothing is stopped', async () => {
  await sendItems(['a', 1], ['b', 1], ['a', 2], ['c', 1])
  await sendItems(['b', 2], ['c', 2])
  await sendItems(['c', 3], ['d', 1])
  // Only what is not the newest piece of the log is compacted: each of these may begin one.
  let last = 7
  const offsets = await until('older versions are gone', async () => {
    await sendItems(['e', ++last])
    const found = await offsetsUntil(last)
    return found.length < last - 1 && !found.includes(5) && found
  })
  assert.deepEqual(
    offsets.filter((offset) => offset < 8),
    [2, 4, 6, 7],
  )

  const ingestor = await world.start()
  await standsAt(last + 1)
  const ids = await world.ids()
  await world.positions.reset(world.name, world.catalogTopic, 0, 3)
  await standsAt(last + 1)

  assert.deepEqual(
    ids.filter((id) => !id.startsWith('e')),
    ['a-2', 'b-2', 'c-3', 'd-1'],
  )
  assert.deepEqual(await world.ids(), ids)
  assert.deepEqual(
    ingestor.states().partitions.filter(({ state }) => state === 'stopped'),
    [],
  )
  assert.deepEqual(world.said, [])
})
