import type { Admin } from 'kafkajs'
import { Fault } from '../../../models/spec/fault.ts'
import { type KafkaSettings, topicNames } from './settings.ts'

/** Those of the topics that are not there and may be made. Fault `KAFKA_TOPIC_MISSING` where they may not. */
export async function lackingTopics(
  admin: Pick<Admin, 'listTopics'>,
  settings: KafkaSettings,
): Promise<readonly string[]> {
  const there = new Set(await admin.listTopics())
  const lacking = topicNames(settings).filter((topic) => !there.has(topic))
  if (lacking.length === 0) return []
  if (!settings.createTopics) {
    const command = `kafka-topics.sh --bootstrap-server ${settings.brokers[0]} --create --partitions ${settings.partitions} --topic`
    throw new Fault(
      'KAFKA_TOPIC_MISSING',
      `Kafka has no topic ${lacking.map((topic) => `"${topic}"`).join(', ')}. Set KAFKA_CREATE_TOPICS=true, or make ${lacking.length === 1 ? 'it' : 'each'}: ${command} ${lacking[0]}`,
      { path: lacking[0]! },
    )
  }
  return lacking
}

/** Sees that the topics are there, and makes them where that is allowed. Fault `KAFKA_TOPIC_MISSING`. */
export async function ensureTopics(admin: Admin, settings: KafkaSettings): Promise<void> {
  const lacking = await lackingTopics(admin, settings)
  if (lacking.length === 0) return
  // -1: as many copies as the broker gives to those who do not say.
  await admin.createTopics({
    topics: lacking.map((topic) => ({ topic, numPartitions: settings.partitions, replicationFactor: -1 })),
  })
}
