import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { pino } from 'pino'
import { defineRanker } from '../../../models/spec/define-ranker.ts'
import { ingest, liveSource, type RawRecord } from '../../../pipelines/ingest/ingest.ts'
import { join } from '../../../pipelines/join/join.ts'
import { readKafkaSettings } from '../../../services/adapters/kafka/settings.ts'
import { createIngestStore } from '../../../services/adapters/postgres/ingest-store.ts'
import { createJoinStore } from '../../../services/adapters/postgres/join-store.ts'
import type { Pool } from '../../../services/adapters/postgres/pool.ts'
import { createPositionStore } from '../../../services/adapters/postgres/positions.ts'
import { startIngestor } from '../../../services/ingestor/ingestor.ts'
import { createApp } from '../../../services/ranker/app.ts'
import { fakeService } from '../../services/ranker/fake-service.ts'
import { batchesOf, type Line } from './input.ts'

/** A ranker with what costs a join something: counts of users and items, and a history. */
const ranker = defineRanker({
  name: 'bench',
  features: [
    { kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 64 }, isId: true },
    { kind: 'counters', name: 'itemCounters', of: 'item', feedback: ['click'] },
    { kind: 'counters', name: 'userCounters', of: 'user', feedback: ['click'] },
    { kind: 'history', name: 'recent', length: 3, items: ['itemId'] },
  ],
  tasks: [{ name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: 60_000, scoreWeight: 1 }],
})

export const batchSize = 2_000
const log = pino({ level: 'error' }, pino.destination(2))
const latenessMs = 250

export const recordOf = ({ value }: Line): RawRecord => ({ bytes: Buffer.from(value), path: '' })
const intakeOf = (pool: Pool) => ({ store: createIngestStore(pool), rankers: [ranker.name], nowMs: Date.now })
const joinOf = (pool: Pool) => ({ store: createJoinStore(pool), rankers: [ranker], latenessMs, nowMs: Date.now })

/** Events a second. */
export async function rateOf(events: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (events / (performance.now() - start)) * 1_000
}

/** The least that storing them in batches could cost: one table, no index. */
export async function bareInsert(pool: Pool, lines: readonly Line[]): Promise<void> {
  await pool.query('drop table if exists bare; create table bare (received_at_ms bigint, body jsonb)')
  for (const batch of batchesOf(lines, batchSize)) {
    await pool.query('insert into bare select $1, body from unnest($2::jsonb[]) as line (body)', [
      Date.now(),
      batch.map(({ value }) => value),
    ])
  }
}

/** Takes them in and joins them, as a backfill. */
export async function takeAndJoin(pool: Pool, lines: readonly Line[], source: string): Promise<void> {
  const context = { ...intakeOf(pool), source }
  for (const batch of batchesOf(lines, batchSize)) await ingest(batch.map(recordOf), context)
  await context.store.transaction((transaction) => transaction.advance(source, lines.at(-1)!.atMs))
  await join(joinOf(pool))
}

const requestsAtOnce = 2

/** Lines over HTTP, two thousand a request, two requests at a time, joined beside them as the service does. */
export async function overRest(pool: Pool, lines: readonly Line[]): Promise<void> {
  const intake = { ...intakeOf(pool), source: liveSource }
  const app = await createApp(fakeService({ ingest: (records) => ingest(records, intake) }), log)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const batches = batchesOf(lines, batchSize)
  let isSent = false
  const send = async () => {
    for (const batch of batches) {
      const response = await fetch(`${url}/v1/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: batch.map(({ value }) => value).join('\n'),
      })
      const { accepted } = (await response.json()) as { accepted: number }
      if (accepted !== batch.length) throw new Error(`${accepted} of ${batch.length} were accepted`)
    }
  }
  const joining = async () => {
    while (!isSent) {
      await join(joinOf(pool))
      await wait(20)
    }
    await join(joinOf(pool))
  }
  try {
    const sending = Promise.all(Array.from({ length: requestsAtOnce }, send)).finally(() => {
      isSent = true
    })
    await Promise.all([sending, joining()])
  } finally {
    await app.close()
  }
}

export interface Topics {
  readonly brokers: string
  /** Topics are named so, and end in `.slates` and the like. */
  readonly prefix: string
}

export const kafkaOf = ({ brokers }: Topics): Kafka =>
  new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING, retry: { retries: 8 } })

/** Puts lines into topics of three partitions each. */
export async function produce(topics: Topics, lines: Iterable<Line>): Promise<void> {
  const kafka = kafkaOf(topics)
  const admin = kafka.admin()
  await admin.connect()
  const names = ['slates', 'impressions', 'feedback', 'catalog'].map((kind) => `${topics.prefix}.${kind}`)
  await admin.createTopics({ topics: names.map((topic) => ({ topic, numPartitions: 3 })) })
  await admin.disconnect()
  const producer = kafka.producer()
  await producer.connect()
  for (const batch of batchesOf(lines, 5_000)) {
    const kinds = [...new Set(batch.map(({ topic }) => topic))]
    await producer.sendBatch({
      topicMessages: kinds.map((kind) => ({
        topic: `${topics.prefix}.${kind}`,
        messages: batch.filter(({ topic }) => topic === kind),
      })),
    })
  }
  await producer.disconnect()
}

/** The least that reading them could cost: a consumer that does nothing with them. */
export async function bareConsume(topics: Topics, events: number): Promise<void> {
  const consumer = kafkaOf(topics).consumer({ groupId: randomUUID(), maxWaitTimeInMs: 250 })
  await consumer.connect()
  await consumer.subscribe({
    topics: ['slates', 'impressions', 'feedback'].map((kind) => `${topics.prefix}.${kind}`),
    fromBeginning: true,
  })
  let seen = 0
  await new Promise<void>((resolve) => {
    void consumer.run({
      partitionsConsumedConcurrently: 3,
      eachBatch: async ({ batch }) => {
        seen += batch.messages.length
        if (seen >= events) resolve()
      },
    })
  })
  await consumer.disconnect()
}

/** Reads and joins beside each other, as `polyrank ingest` does, until all is joined. `onLook` hears of it meanwhile. */
export async function fromKafka(pool: Pool, topics: Topics, events: number, onLook = () => {}): Promise<void> {
  const environment = {
    KAFKA_BROKERS: topics.brokers,
    KAFKA_GROUP: randomUUID(),
    ...Object.fromEntries(
      ['slates', 'impressions', 'feedback', 'catalog'].map((kind) => [
        `KAFKA_TOPIC_${kind.toUpperCase()}`,
        `${topics.prefix}.${kind}`,
      ]),
    ),
  }
  const { store, rankers, nowMs } = intakeOf(pool)
  const positions = createPositionStore(pool)
  const kafka = readKafkaSettings(environment)!
  let taken = 0
  const onTaken = (outcomes: readonly unknown[]) => {
    taken += outcomes.length
  }
  const ingestor = await startIngestor({ kafka, store, positions, rankers, latenessMs, nowMs, log, onTaken })
  try {
    for (;;) {
      const isRead = taken >= events
      onLook()
      await join(joinOf(pool))
      if (isRead) {
        const { rows } = await pool.query<{ n: number }>('select count(*) as n from (select from pending limit 1) p')
        if (rows[0]!.n === 0) return
      }
      await wait(20)
    }
  } finally {
    await ingestor.close()
  }
}
