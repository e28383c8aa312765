import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { type KafkaServer, startKafka } from '../../servers/kafka.ts'
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts'
import { makeServersFolder } from '../../servers/server.ts'
import { feedback, openWorld, until, type World } from './kafka-world.ts'

// Servers of this suite alone: the shared ones must not go away under others.
const folder = makeServersFolder()
let postgres: PostgresServer
let kafka: KafkaServer
let world: World
before(async () => {
  const starting = [startPostgres(join(folder, 'postgres')), startKafka(join(folder, 'kafka'))] as const
  ;[postgres, kafka] = await Promise.all(starting)
})
after(async () => {
  await Promise.all([postgres?.kill(), kafka?.kill()])
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  world = await openWorld({ databaseUrl: postgres.url, brokers: kafka.brokers })
  await world.makeTopics()
})
afterEach(() => world.close())

const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `e${from + i}`)
const send = (from: number, to: number) =>
  world.send(
    world.feedbackTopic,
    ids(from, to).map((id, i) => ({ value: feedback(id), partition: i % 2 })),
  )

test('a PostgreSQL that is killed and comes back is waited for, and nothing is lost or doubled', async () => {
  await send(0, 3_000)
  const outcomes = { accepted: 0, duplicate: 0, quarantined: 0 }
  const ingestor = await world.start(
    {},
    {
      onTaken(taken) {
        for (const { outcome } of taken) outcomes[outcome]++
      },
    },
  )
  await world.stored(1)

  await postgres.kill()
  await send(3_000, 6_000)
  await until('it says that it waits', () => ingestor.states().fault?.code === 'STORAGE_UNAVAILABLE')
  await postgres.start()
  await world.stored(6_000)

  await until('all is said to be well', () => {
    const { fault, partitions } = ingestor.states()
    return fault === null && partitions.length === 8 && partitions.every(({ state }) => state === 'reading')
  })
  assert.deepEqual(await world.ids(), ids(0, 6_000).toSorted())
  assert.equal(outcomes.quarantined, 0)
})

test('a broker that is killed and comes back is joined anew, and nothing is lost or doubled', async () => {
  await send(0, 3_000)
  const ingestor = await world.start()
  await world.stored(3_000)

  await kafka.kill()
  await until('it says that Kafka is away', () => ingestor.states().fault?.code === 'KAFKA_UNAVAILABLE')
  await kafka.start()
  await send(3_000, 4_000)
  await world.stored(4_000)

  await until('all is said to be well', () => ingestor.states().fault === null)
  assert.deepEqual(await world.ids(), ids(0, 4_000).toSorted())
})

test('is closed while the broker is away', async () => {
  const ingestor = await world.start()
  await until('it reads', () => ingestor.states().partitions.every(({ state }) => state === 'reading'))
  await kafka.kill()

  await world.end(ingestor)

  assert.deepEqual(ingestor.states().partitions, [])
  await kafka.start()
})
