import type { Kafka } from 'kafkajs'
import type { Logger } from 'pino'
import type { KafkaSettings } from '../adapters/kafka/settings.ts'
import { topicNames } from '../adapters/kafka/settings.ts'
import { ensureTopics } from '../adapters/kafka/topics.ts'
import { inTurn, keyOf, newPartition, type Partition } from './partitions.ts'
import { nextStep } from './steps.ts'
import { isGap, type Reader, readAgain, type TakeContext, takeBatch } from './take.ts'

/** One consumer in the group, from its join until it crashes or leaves. */
export interface Membership {
  readonly reader: Reader
  leave(): Promise<void>
}

export interface MembershipOptions {
  readonly kafka: Kafka
  readonly settings: KafkaSettings
  /** Filled with what this member is assigned, anew at each join; each waits until it is looked at. */
  readonly partitions: Map<string, Partition>
  readonly context: Omit<TakeContext, 'reader'>
  onJoined(): void
  /** It is over; not called after `leave`. */
  onCrash(error: unknown): void
  readonly log: Pick<Logger, 'info'>
}

/**
 * Largest pieces that the broker is asked for; a record that is larger comes alone. Small ones beside the whole, which it
 * fills in one order: of a backlog, each partition is read a little in each turn, since a source is joined only as far as
 * its slowest partition.
 */
const piece = { maxBytesPerPartition: 1024 * 1024, maxBytes: 64 * 1024 * 1024 }
/** Also how long a partition that was just begun may wait for its first read. */
const maxWaitTimeInMs = 250
/** So many partitions at once: one stores while another is read and checked. */
const atOnce = 3

export async function joinGroup(options: MembershipOptions): Promise<Membership> {
  const { kafka, settings, partitions, log } = options
  await onAdmin(kafka, settings)
  const consumer = kafka.consumer({
    ...{ groupId: settings.group, maxWaitTimeInMs, ...piece },
    ...{ sessionTimeout: settings.sessionMs, heartbeatInterval: settings.sessionMs / 3 },
  })
  const reader: Reader = {
    seek: ({ topic, partition }, offset) => consumer.seek({ topic, partition, offset: String(offset) }),
    pause: ({ topic, partition }) => consumer.pause([{ topic, partitions: [partition] }]),
    resume: ({ topic, partition }) => consumer.resume([{ topic, partitions: [partition] }]),
  }
  const context: TakeContext = { ...options.context, reader }
  let isOver = false
  consumer.on(consumer.events.GROUP_JOIN, ({ payload: { memberAssignment } }) => {
    partitions.clear()
    for (const [topic, numbers] of Object.entries(memberAssignment)) {
      for (const number of numbers) {
        const partition = newPartition(topic, number)
        partitions.set(keyOf(topic, number), partition)
        // At once, before the client reads from where Kafka believes the group to be.
        reader.pause(partition)
      }
    }
    log.info({ group: settings.group, partitions: [...partitions.keys()] }, 'Joined the group')
    options.onJoined()
  })
  consumer.on(consumer.events.START_BATCH_PROCESS, ({ payload }) => {
    if (payload.batchSize > 0) return
    // Nothing of it is handed over: ends of transactions, or what one took back. The client goes on behind it by itself.
    const partition = partitions.get(keyOf(payload.topic, payload.partition))
    if (partition?.state === 'reading') passOver(partition, payload.firstOffset, payload.lastOffset, context)
  })
  consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
    if (isOver) return
    isOver = true
    options.onCrash(error)
  })
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [...topicNames(settings)], fromBeginning: true })
  } catch (error) {
    await consumer.disconnect().catch(() => {})
    throw error
  }
  // Until it has joined, or crashed; the group may take a while over it.
  const joining = consumer
    .run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: atOnce,
      async eachBatch(payload) {
        const partition = partitions.get(keyOf(payload.batch.topic, payload.batch.partition))
        if (partition !== undefined) await inTurn(partition, () => takeBatch(partition, payload, context))
      },
    })
    .catch((error: unknown) => {
      if (!isOver) options.onCrash(error)
      isOver = true
    })
  return {
    reader,
    async leave() {
      isOver = true
      // A member that is let go of while it joins would join all the same.
      await joining
      await consumer.disconnect().catch(() => {})
    },
  }
}

async function onAdmin(kafka: Kafka, settings: KafkaSettings): Promise<void> {
  const admin = kafka.admin()
  try {
    await admin.connect()
    await ensureTopics(admin, settings)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

function passOver(partition: Partition, first: string | null, last: string, context: TakeContext): void {
  const span = { first: Number(first ?? last), next: Number(last) + 1 }
  const step = nextStep(partition.next, span, partition.suspected)
  if (step === 'take') partition.next = span.next
  else if (step === 'again') readAgain(partition, span, context)
  else {
    void inTurn(partition, async () => {
      if (await isGap(partition, context)) partition.next = Math.max(partition.next, span.next)
    })
  }
}
