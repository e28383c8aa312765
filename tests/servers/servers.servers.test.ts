import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Kafka, type KafkaConfig, logLevel, type SASLOptions } from 'kafkajs'
import pg from 'pg'
import { type KafkaServer, startKafka } from './kafka.ts'
import { saslUser } from './kafka-files.ts'
import { type PostgresServer, startPostgres } from './postgres.ts'
import { makeServersFolder } from './server.ts'

// Servers of this suite alone: the shared ones must not go away under others.
const folder = makeServersFolder()
after(() => rmSync(folder, { recursive: true }))

describe('PostgreSQL', () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres(join(folder, 'postgres'))
  })
  after(() => server?.kill())

  const query = async (sql: string): Promise<unknown[]> => {
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }

  for (const way of ['stop', 'kill'] as const) {
    test(`keeps its rows over a ${way} and a start`, async () => {
      await query(`create table ${way}_rows (id int); insert into ${way}_rows values (1), (2)`)

      await server[way]()
      const meanwhile = await query('select 1').catch(String)
      await server.start()

      assert.match(String(meanwhile), /ECONNREFUSED/)
      assert.deepEqual(await query(`select id from ${way}_rows order by id`), [{ id: 1 }, { id: 2 }])
    })
  }

  test('runs beside another one, each on a port of its own', async () => {
    const other = await startPostgres(join(folder, 'other'))

    assert.notEqual(other.url, server.url)
    await other.stop()
  })
})

describe('Kafka', () => {
  let server: KafkaServer
  before(async () => {
    server = await startKafka(join(folder, 'kafka'))
    await makeTopic('listed')
  })
  after(() => server?.kill())

  const client = (config: Partial<KafkaConfig> = {}) =>
    new Kafka({ brokers: [server.brokers], logLevel: logLevel.NOTHING, ...config })

  const send = async (topic: string, value: Buffer): Promise<void> => {
    const producer = client().producer()
    await producer.connect()
    try {
      await producer.send({ topic, messages: [{ value }] })
    } finally {
      await producer.disconnect()
    }
  }

  const makeTopic = async (topic: string): Promise<void> => {
    const admin = client().admin()
    await admin.connect()
    try {
      await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1 }] })
    } finally {
      await admin.disconnect()
    }
  }

  /** The values of a topic from its beginning, as many as asked for. */
  const read = async (topic: string, count: number): Promise<Buffer[]> => {
    const consumer = client().consumer({ groupId: `${topic}-readers`, maxBytesPerPartition: 8 * 1024 * 1024 })
    await consumer.connect()
    const values: Buffer[] = []
    try {
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await new Promise<void>((resolve, reject) => {
        // A broker that has just started asks for patience; the consumer has it, and begins again.
        consumer.on('consumer.crash', ({ payload }) => payload.restart || reject(payload.error))
        const eachMessage = async ({ message }: { message: { value: Buffer | null } }) => {
          values.push(message.value!)
          if (values.length === count) resolve()
        }
        consumer.run({ eachMessage }).catch(reject)
      })
    } finally {
      await consumer.disconnect()
    }
    return values
  }

  const listTopics = async (config: Partial<KafkaConfig>): Promise<string[]> => {
    const admin = client({ retry: { retries: 0 }, ...config }).admin()
    try {
      await admin.connect()
      return await admin.listTopics()
    } finally {
      await admin.disconnect()
    }
  }

  test('passes a message of five megabytes on', async () => {
    const value = randomBytes(5 * 1024 * 1024)
    await makeTopic('large')

    await send('large', value)

    assert.ok((await read('large', 1))[0]!.equals(value))
  })

  test('gives a topic three partitions where nobody says how many', async () => {
    const admin = client().admin()
    await admin.connect()
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic: 'unsaid' }] })

    const { topics } = await admin.fetchTopicMetadata({ topics: ['unsaid'] })

    await admin.disconnect()
    assert.equal(topics[0]!.partitions.length, 3)
  })

  test('makes no topic that nobody made', async () => {
    const sent = send('never-made', Buffer.from('lost'))

    await assert.rejects(sent, /does not host this topic-partition/)
  })

  for (const way of ['kill', 'stop'] as const) {
    test(`keeps its messages over a ${way} and a start`, async () => {
      await makeTopic(`over-${way}`)
      await send(`over-${way}`, Buffer.from('before'))

      await server[way]()
      const meanwhile = await listTopics({}).catch(String)
      await server.start()
      await send(`over-${way}`, Buffer.from('after'))

      assert.match(String(meanwhile), /ECONNREFUSED/)
      assert.deepEqual((await read(`over-${way}`, 2)).map(String), ['before', 'after'])
    })
  }

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    const sasl = (password: string) => ({ mechanism, username: saslUser.username, password }) as SASLOptions

    test(`lets the right password in by ${mechanism}, and no wrong one`, async () => {
      const brokers = [server.saslBrokers]

      const topics = await listTopics({ brokers, sasl: sasl(saslUser.password) })
      const wrong = listTopics({ brokers, sasl: sasl('a wrong one') })

      assert.ok(topics.includes('listed'))
      await assert.rejects(wrong, /[Aa]uthentication failed/)
    })
  }

  test('speaks TLS to who trusts its certificate, and is refused by who does not', async () => {
    const brokers = [server.tlsBrokers]

    const topics = await listTopics({ brokers, ssl: { ca: [readFileSync(server.certificate, 'utf8')] } })
    const distrustful = listTopics({ brokers, ssl: true })

    assert.ok(topics.includes('listed'))
    await assert.rejects(distrustful, /self.signed certificate/)
  })
})

test('the servers of all suites are up, each under its name', async () => {
  const { TEST_DATABASE_URL, TEST_KAFKA_BROKERS } = process.env
  const database = new pg.Client({ connectionString: TEST_DATABASE_URL! })
  const admin = new Kafka({ brokers: TEST_KAFKA_BROKERS!.split(','), logLevel: logLevel.NOTHING }).admin()

  await database.connect()
  await admin.connect()

  const { rows } = await database.query('select 1 as one')
  const { brokers } = await admin.describeCluster()
  await Promise.all([database.end(), admin.disconnect()])
  assert.deepEqual(rows, [{ one: 1 }])
  assert.ok(brokers.length > 0)
})
