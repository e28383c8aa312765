import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { createIngestStore } from '../../../services/adapters/postgres/ingest-store.ts'
import { feedback, openWorld, until, type World } from './kafka-world.ts'

let world: World
beforeEach(async () => {
  world = await openWorld()
  await world.makeTopics()
})
afterEach(() => world.close())

const sendIds = (...ids: readonly string[]) =>
  world.send(
    world.feedbackTopic,
    ids.map((id) => ({ value: feedback(id, { occurredAt: '2024-01-01T00:00:00Z' }), partition: 0 })),
  )
const stopped = (ingestor: Awaited<ReturnType<World['start']>>) =>
  until('a partition stops', () => ingestor.states().partitions.find(({ state }) => state === 'stopped'))
const onAdmin = async (work: (admin: ReturnType<World['kafka']['admin']>) => Promise<unknown>) => {
  const admin = world.kafka.admin()
  await admin.connect()
  try {
    await work(admin)
  } finally {
    await admin.disconnect()
  }
}
const deleteBefore = (offset: number) =>
  onAdmin(async (admin) => {
    // Deleting needs to know the topic, and does not ask.
    await admin.fetchTopicOffsets(world.feedbackTopic)
    await admin.deleteTopicRecords({
      topic: world.feedbackTopic,
      partitions: [{ partition: 0, offset: String(offset) }],
    })
  })
const standsAt = (nextOffset: number) =>
  until(`the position is ${nextOffset}`, async () => (await world.position(0))?.nextOffset === nextOffset)

test('one whose position was moved under it takes nothing twice and goes on from where it stands', async () => {
  await sendIds('a', 'b')
  await world.start()
  await world.stored(2)
  // Another consumer of the group that still believes to have the partition takes the third.
  await createIngestStore(world.pool).transaction((transaction) =>
    transaction.claim({
      ...{ group: world.name, topic: world.feedbackTopic, partition: 0 },
      ...{ fromOffset: 2, nextOffset: 3, watermarkMs: 0 },
    }),
  )

  await sendIds('taken-elsewhere', 'd')
  await world.stored(3)

  await standsAt(4)
  assert.deepEqual(await world.ids(), ['a', 'b', 'd'])
  assert.deepEqual(world.said, [])
})

test('a position that is set back while all is read is followed: everything is a duplicate, and no letter comes twice', async () => {
  await sendIds('a', 'b')
  await world.send(world.feedbackTopic, [{ value: 'no JSON', partition: 0 }])
  await sendIds('c')
  const outcomes: string[] = []
  await world.start({}, { onTaken: (taken) => void outcomes.push(...taken.map(({ outcome }) => outcome)) })
  await standsAt(4)
  const first = outcomes.splice(0)

  await world.positions.reset(world.name, world.feedbackTopic, 0, 0)

  await until('all is read again', () => outcomes.length === 4)
  await standsAt(4)
  assert.deepEqual(first, ['accepted', 'accepted', 'quarantined', 'accepted'])
  assert.deepEqual(outcomes, ['duplicate', 'duplicate', 'quarantined', 'duplicate'])
  assert.equal((await world.deadLetters.list(null)).length, 1)
  assert.deepEqual(await world.ids(), ['a', 'b', 'c'])
})

test('a topic that was made anew stops its partition until somebody says where to go on', async () => {
  await sendIds('a', 'b', 'c')
  const reader = await world.start()
  await standsAt(3)
  await world.end(reader)
  await onAdmin(async (admin) => {
    await admin.deleteTopics({ topics: [world.feedbackTopic] })
    await until('it is gone', async () => !(await admin.listTopics()).includes(world.feedbackTopic))
  })
  await world.makeTopics()
  await sendIds('new-1')

  const ingestor = await world.start()
  const { fault, nextOffset } = await stopped(ingestor)
  const { code, level } = world.said[0]!
  await world.positions.reset(world.name, world.feedbackTopic, 0, 0)

  await standsAt(1)
  assert.deepEqual([fault?.code, nextOffset], ['KAFKA_TOPIC_RECREATED', 3])
  assert.match(fault!.message, new RegExp(`polyrank lag reset ${world.feedbackTopic} 0 --to`))
  assert.deepEqual([code, level], ['KAFKA_TOPIC_RECREATED', 'error'])
  assert.deepEqual(await world.ids(), ['a', 'b', 'c', 'new-1'])
})

test('a topic that goes while it is read is said, and once it is there again reading goes on', async () => {
  await sendIds('a')
  const ingestor = await world.start({ KAFKA_CREATE_TOPICS: 'false' })
  await standsAt(1)
  await onAdmin(async (admin) => {
    await admin.deleteTopics({ topics: [world.catalogTopic] })
  })
  const isMissing = () => {
    const { fault } = ingestor.states()
    return fault?.code === 'KAFKA_TOPIC_MISSING' && fault
  }
  const fault = await until('it is said', isMissing)
  await onAdmin((admin) => until('it is gone', async () => !(await admin.listTopics()).includes(world.catalogTopic)))
  await world.makeTopics()
  await sendIds('b')

  await standsAt(2)
  assert.deepEqual(await world.ids(), ['a', 'b'])
  assert.equal(fault.code, 'KAFKA_TOPIC_MISSING')
  assert.ok(
    world.said.some(({ code, level }) => code === fault.code && level === 'warn'),
    'the log has it',
  )
})

test('records that were deleted before they were read stop their partition; the others go on', async () => {
  await sendIds('a', 'b')
  const reader = await world.start()
  await standsAt(2)
  await world.end(reader)
  await sendIds('lost-1', 'lost-2', 'kept')
  await deleteBefore(4)

  const ingestor = await world.start()
  const { fault, nextOffset } = await stopped(ingestor)
  await world.send(world.feedbackTopic, [{ value: feedback('beside'), partition: 1 }])
  await world.stored(3)

  assert.deepEqual([fault?.code, nextOffset], ['KAFKA_RECORDS_GONE', 2])
  assert.match(fault!.message, /2 records were deleted/)
  assert.deepEqual(await world.ids(), ['a', 'b', 'beside'])
  assert.equal((await world.position(0))?.nextOffset, 2)
})

test('records that go while their partition is held back stop it too', async () => {
  await sendIds('a')
  const ingestor = await world.start()
  await standsAt(1)
  await sendIds('b', 'c')
  await standsAt(3)

  await deleteBefore(3)
  await world.positions.reset(world.name, world.feedbackTopic, 0, 1)

  assert.equal((await stopped(ingestor)).fault?.code, 'KAFKA_RECORDS_GONE')
  assert.equal((await world.position(0))?.nextOffset, 1)
})
