import { Partitioners } from 'kafkajs'
import type { Event } from '../../../pipelines/ingest/events.ts'
import { createKafka, type KafkaLog } from './client.ts'
import { kafkaFault } from './faults.ts'
import type { KafkaSettings } from './settings.ts'
import { ensureTopics } from './topics.ts'

/** An event and its bytes as they are sent. */
export interface OutgoingEvent {
  readonly event: Event
  readonly bytes: Uint8Array
}
export interface EventProducer {
  /** Resolves once every in-sync copy of the partitions has them; a retry within it adds none twice. */
  send(events: readonly OutgoingEvent[]): Promise<void>
  close(): Promise<void>
}

/** Faults of the settings, of the topics, and of Kafka: `KAFKA_UNAVAILABLE`, `KAFKA_LOGIN_REFUSED`. */
export async function startEventProducer(settings: KafkaSettings, log: KafkaLog): Promise<EventProducer> {
  const kafka = createKafka(settings, log)
  const faulty = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work()
    } catch (error) {
      throw kafkaFault(error, settings)
    }
  }
  const admin = kafka.admin()
  const producer = kafka.producer({
    idempotent: true,
    // The hash of keys that clients in other languages use, so that a key has one partition whoever sends it.
    createPartitioner: Partitioners.DefaultPartitioner,
  })
  const close = async () => {
    await producer.disconnect().catch(() => {})
  }
  try {
    await faulty(async () => {
      await admin.connect()
      await ensureTopics(admin, settings)
      await producer.connect()
    })
  } catch (error) {
    await close()
    throw error
  } finally {
    await admin.disconnect().catch(() => {})
  }
  return {
    send: (events) =>
      faulty(async () => {
        if (events.length === 0) return
        await producer.sendBatch({ acks: -1, topicMessages: topicMessages(events, settings.topics) })
      }),
    close,
  }
}

/** For whoever else reads the topics; polyrank reads no headers. */
const headers = { 'content-type': 'application/json' }

function topicMessages(events: readonly OutgoingEvent[], topics: KafkaSettings['topics']) {
  const byTopic = new Map<string, { key: string; value: Buffer; headers: typeof headers }[]>()
  for (const { event, bytes } of events) {
    const { kind, key } = placeOf(event)
    const messages = byTopic.get(topics[kind]) ?? []
    byTopic.set(topics[kind], messages)
    messages.push({ key, value: Buffer.from(bytes), headers })
  }
  return [...byTopic].map(([topic, messages]) => ({ topic, messages }))
}

/** A user's events keep their order; in the catalogue, user 42 and item 42 are two things. */
export function placeOf(event: Event): { readonly kind: keyof KafkaSettings['topics']; readonly key: string } {
  switch (event.type) {
    case 'slate':
      return { kind: 'slates', key: event.userId }
    case 'impression':
      // It names no user.
      return { kind: 'impressions', key: event.slateId }
    case 'feedback':
      return { kind: 'feedback', key: event.userId }
    case 'item':
      return { kind: 'catalog', key: `item:${event.itemId}` }
    case 'user':
      return { kind: 'catalog', key: `user:${event.userId}` }
  }
}
