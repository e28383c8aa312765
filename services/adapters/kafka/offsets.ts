import type { Admin, Kafka } from 'kafkajs'
import { kafkaFault, rootOf } from './faults.ts'
import type { KafkaSettings } from './settings.ts'

/** What a partition holds: offsets from `low` to before `high`. */
export interface Extent {
  readonly low: number
  readonly high: number
}

export interface Offsets {
  /** By topic and partition; none of a topic that is not there. Fault `KAFKA_UNAVAILABLE`. */
  ask(topics: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<number, Extent>>>
  close(): Promise<void>
}

/** Asks the broker for the extents of partitions. */
export function createOffsets(kafka: Kafka, settings: Pick<KafkaSettings, 'brokers'>): Offsets {
  let connecting: Promise<Admin> | null = null
  const connect = async () => {
    const admin = kafka.admin()
    await admin.connect()
    return admin
  }
  const letGo = async () => {
    const admin = await connecting?.catch(() => undefined)
    connecting = null
    await admin?.disconnect().catch(() => {})
  }
  return {
    async ask(topics) {
      try {
        connecting ??= connect()
        const admin = await connecting
        return new Map(await Promise.all(topics.map(async (topic) => [topic, await extentsOf(admin, topic)] as const)))
      } catch (error) {
        // A client that failed goes on believing what it knew of the brokers; another one asks anew.
        await letGo()
        throw kafkaFault(error, settings)
      }
    },
    close: letGo,
  }
}

async function extentsOf(admin: Admin, topic: string): Promise<ReadonlyMap<number, Extent>> {
  const partitions = await admin.fetchTopicOffsets(topic).catch((error: unknown) => {
    if ((rootOf(error) as { type?: unknown }).type === 'UNKNOWN_TOPIC_OR_PARTITION') return []
    throw error
  })
  return new Map(
    partitions.map(({ partition, low, high }) => [partition, { low: Number(low), high: Number(high) }] as const),
  )
}
