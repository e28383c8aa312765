import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel, type Message } from 'kafkajs'
import { readKafkaSettings } from '../../../services/adapters/kafka/settings.ts'
import { createDeadLetters } from '../../../services/adapters/postgres/event-ledger.ts'
import { createIngestStore } from '../../../services/adapters/postgres/ingest-store.ts'
import { migrate } from '../../../services/adapters/postgres/migrate.ts'
import { createPool } from '../../../services/adapters/postgres/pool.ts'
import { createPositionStore } from '../../../services/adapters/postgres/positions.ts'
import { type Ingestor, type IngestorOptions, startIngestor } from '../../../services/ingestor/ingestor.ts'

export const latenessMs = 1_000
const patienceMs = 90_000

/** Asks until `answer` gives something else than false or undefined. */
export async function until<Answer>(
  what: string,
  answer: () => Promise<Answer> | Answer,
): Promise<Exclude<Answer, false | undefined>> {
  const latest = Date.now() + patienceMs
  for (;;) {
    const found = await answer()
    if (found !== false && found !== undefined) return found as Exclude<Answer, false | undefined>
    if (Date.now() > latest) throw new Error(`Still not after ${patienceMs / 1000} seconds: ${what}`)
    await delay(25)
  }
}

export interface Servers {
  readonly databaseUrl: string
  readonly brokers: string
}
export const sharedServers = (): Servers => ({
  databaseUrl: process.env.TEST_DATABASE_URL!,
  brokers: process.env.TEST_KAFKA_BROKERS!,
})

export const feedback = (eventId: string, more: object = {}): string =>
  JSON.stringify({
    ...{ type: 'feedback', eventId, occurredAt: new Date().toISOString(), userId: 'u1', itemId: 'i1', kind: 'click' },
    ...more,
  })

export type World = Awaited<ReturnType<typeof openWorld>>

/** Topics, a group and a schema of one test's own on the servers; each topic has two partitions. */
export async function openWorld(servers = sharedServers()) {
  const name = `test-${randomUUID().slice(0, 8)}`
  const schema = name.replaceAll('-', '_')
  const ignore = () => {}
  const owner = createPool({ connectionString: servers.databaseUrl, max: 1 }, ignore)
  await owner.query(`create schema ${schema}`)
  await owner.close()
  const databaseUrl = `${servers.databaseUrl}?options=-c%20search_path%3D${schema}`
  const pool = createPool({ connectionString: databaseUrl }, ignore)
  await migrate(pool)
  const kafka = new Kafka({ brokers: servers.brokers.split(','), logLevel: logLevel.NOTHING })
  const environment: Record<string, string> = {
    KAFKA_BROKERS: servers.brokers,
    KAFKA_GROUP: name,
    KAFKA_CREATE_TOPICS: 'true',
    KAFKA_PARTITIONS: '2',
    ...Object.fromEntries(
      ['SLATES', 'IMPRESSIONS', 'FEEDBACK', 'CATALOG'].map((kind) => [
        `KAFKA_TOPIC_${kind}`,
        `${name}.${kind.toLowerCase()}`,
      ]),
    ),
  }
  const said: { level: string; code: string; message: string }[] = []
  const sayAs =
    (level: string) =>
    (details: object, message = '') =>
      void said.push({ level, code: String((details as { code?: unknown }).code), message })
  const log = { debug: ignore, info: ignore, warn: sayAs('warn'), error: sayAs('error') } as IngestorOptions['log']
  const running = new Set<Ingestor>()
  const positions = createPositionStore(pool)
  const ids = async (): Promise<readonly string[]> =>
    (await pool.query<{ id: string }>('select event_id as id from events order by 1')).rows.map(({ id }) => id)
  return {
    ...{ name, pool, positions, said, kafka, databaseUrl, environment, deadLetters: createDeadLetters(pool), ids },
    ...{ feedbackTopic: `${name}.feedback`, catalogTopic: `${name}.catalog` },
    settings: (more: Record<string, string> = {}) => readKafkaSettings({ ...environment, ...more })!,
    async start(more: Record<string, string> = {}, options: Partial<IngestorOptions> = {}): Promise<Ingestor> {
      const ingestor = await startIngestor({
        ...{ kafka: readKafkaSettings({ ...environment, ...more })!, store: createIngestStore(pool) },
        ...{ positions: createPositionStore(pool), rankers: ['home'], latenessMs, nowMs: Date.now, log },
        ...options,
      })
      running.add(ingestor)
      return ingestor
    },
    async end(ingestor: Ingestor) {
      running.delete(ingestor)
      await ingestor.close()
    },
    async makeTopics() {
      const admin = kafka.admin()
      await admin.connect()
      try {
        const topics = ['slates', 'impressions', 'feedback', 'catalog'].map((topic) => `${name}.${topic}`)
        // The client gives up where the broker does not know at once what its controller has made.
        await admin.createTopics({
          topics: topics.map((topic) => ({ topic, numPartitions: 2 })),
          waitForLeaders: false,
        })
        await until('the topics are there', () =>
          admin.fetchTopicMetadata({ topics }).then(
            (found) => found.topics.every(({ partitions }) => partitions.length === 2),
            () => false,
          ),
        )
      } finally {
        await admin.disconnect()
      }
    },
    async send(topic: string, messages: readonly Message[], more: object = {}) {
      // A batch whose answer is late is sent again: the broker MUST NOT keep it twice, since tests count records.
      const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
      await producer.connect()
      try {
        await producer.send({ topic, messages: [...messages], ...more })
      } finally {
        await producer.disconnect()
      }
    },
    /** Waits for that many events to be stored. */
    stored: (count: number) =>
      until(`${count} events are stored`, async () => {
        const { rows } = await pool.query<{ n: number }>('select count(*) as n from events')
        return rows[0]!.n >= count && rows[0]!.n
      }),
    position: async (partition: number, topic = `${name}.feedback`) =>
      (await positions.list(name)).find((each) => each.topic === topic && each.partition === partition),
    async close() {
      await Promise.all([...running].map((ingestor) => ingestor.close()))
      await pool.query(`drop schema ${schema} cascade`)
      await pool.close()
    },
  }
}
