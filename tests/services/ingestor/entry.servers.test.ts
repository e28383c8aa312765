import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { saslUser, withoutListeners } from '../../servers/kafka-files.ts'
import { freePorts } from '../../servers/ports.ts'
import { feedback, openWorld, type World } from './kafka-world.ts'

let world: World
beforeEach(async () => {
  world = await openWorld()
})
afterEach(() => world.close())

const login = (mechanism: string, password: string = saslUser.password) => ({
  KAFKA_BROKERS: process.env.TEST_KAFKA_SASL_BROKERS!,
  KAFKA_SASL_MECHANISM: mechanism,
  KAFKA_USERNAME: saslUser.username,
  KAFKA_PASSWORD: password,
})
const tls = { KAFKA_BROKERS: process.env.TEST_KAFKA_TLS_BROKERS!, KAFKA_TLS: process.env.TEST_KAFKA_CA! }

for (const [how, settings] of Object.entries({
  'a plain password': login('plain'),
  'SCRAM-SHA-256': login('scram-sha-256'),
  'SCRAM-SHA-512': login('scram-sha-512'),
  'TLS of an own authority': tls,
})) {
  test(`reads by ${how}`, { skip: withoutListeners }, async () => {
    await world.makeTopics()
    await world.send(world.feedbackTopic, [{ value: feedback('e'), partition: 0 }])

    await world.start(settings)

    assert.equal(await world.stored(1), 1)
  })
}

test('a wrong password is refused at the start', { skip: withoutListeners }, async () => {
  await assert.rejects(world.start(login('plain', 'a wrong one')), { code: 'KAFKA_LOGIN_REFUSED', retry: false })
})

test('a broker whose authority is not trusted is refused at the start', { skip: withoutListeners }, async () => {
  await assert.rejects(world.start({ ...tls, KAFKA_TLS: 'true' }), {
    code: 'KAFKA_UNAVAILABLE',
    message: /self.signed certificate.*KAFKA_TLS/,
  })
})

test('a broker that is not there is said at the start', async () => {
  const [port] = await freePorts(1)

  await assert.rejects(world.start({ KAFKA_BROKERS: `127.0.0.1:${port}` }), {
    code: 'KAFKA_UNAVAILABLE',
    message: /ECONNREFUSED.*KAFKA_BROKERS/,
  })
})

test('missing topics are refused with the command that makes them', async () => {
  await assert.rejects(world.start({ KAFKA_CREATE_TOPICS: 'false' }), {
    code: 'KAFKA_TOPIC_MISSING',
    message: new RegExp(`"${world.name}.slates", .*kafka-topics.sh .* --partitions 2 --topic ${world.name}.slates$`),
  })
})

test('missing topics are made where that is allowed, and those that are there stay as they are', async () => {
  const admin = world.kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: world.feedbackTopic, numPartitions: 1 }] })

  await world.start()

  const { topics } = await admin.fetchTopicMetadata({ topics: [world.feedbackTopic, world.catalogTopic] })
  await admin.disconnect()
  const partitions = new Map(topics.map((topic) => [topic.name, topic.partitions.length]))
  assert.deepEqual([partitions.get(world.feedbackTopic), partitions.get(world.catalogTopic)], [1, 2])
})
