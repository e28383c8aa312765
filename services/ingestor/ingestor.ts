import type { Logger } from 'pino'
import type { Fault } from '../../models/spec/fault.ts'
import type { EventOutcome } from '../../pipelines/ingest/ingest.ts'
import type { IngestStore, PositionStore } from '../../pipelines/ingest/ports.ts'
import { createKafka } from '../adapters/kafka/client.ts'
import { kafkaFault } from '../adapters/kafka/faults.ts'
import { createOffsets } from '../adapters/kafka/offsets.ts'
import { type KafkaSettings, topicNames } from '../adapters/kafka/settings.ts'
import { repeat } from '../standalone/background.ts'
import { type LookContext, look } from './look.ts'
import { joinGroup, type Membership } from './membership.ts'
import { type Partition, type PartitionState, stateOf } from './partitions.ts'
import { backOffMs } from './steps.ts'

/** How far a partition in which nothing comes is known to be: what others bring waits for that. */
const lookEveryMs = 200

export interface IngestorOptions {
  readonly kafka: KafkaSettings
  readonly store: IngestStore
  readonly positions: PositionStore
  /** Names of the rankers there are. */
  readonly rankers: readonly string[]
  readonly latenessMs: number
  nowMs(): number
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>
  /** Hears of the records of each transaction once they are stored. */
  readonly onTaken?: (outcomes: readonly EventOutcome[]) => void
}

export interface IngestorStates {
  /** Why Kafka or the positions cannot be reached now; null where they can. */
  readonly fault: { readonly code: string; readonly message: string } | null
  /** Those that this process has now. */
  readonly partitions: readonly PartitionState[]
}

export interface Ingestor {
  states(): IngestorStates
  /** Ends the transaction that is under way and leaves the group. */
  close(): Promise<void>
}

/**
 * Reads the topics into the storage as a member of the group, until it is closed. What it cannot do for now it tries again;
 * what it cannot take at all stops that partition and is said. Faults of the first try: `KAFKA_UNAVAILABLE`,
 * `KAFKA_LOGIN_REFUSED`, `KAFKA_TOPIC_MISSING`, `SETTING_INVALID`.
 */
export async function startIngestor(options: IngestorOptions): Promise<Ingestor> {
  const { kafka: settings, log, nowMs } = options
  const kafka = createKafka(settings, log)
  const offsets = createOffsets(kafka, settings)
  const partitions = new Map<string, Partition>()
  let membership: Membership | null = null
  let joinFault: Fault | null = null
  let lookFault: Fault | null = null
  let failures = 0
  let againAtMs = 0

  const report = (fault: Fault, before: Fault | null) => {
    if (fault.code !== before?.code) log.warn({ code: fault.code }, fault.message)
  }
  const context: Omit<LookContext, 'reader'> = {
    ...{ store: options.store, positions: options.positions, rankers: options.rankers, offsets, nowMs },
    ...{
      group: settings.group,
      topics: topicNames(settings),
      catalog: settings.topics.catalog,
      latenessMs: options.latenessMs,
      heartbeatMs: settings.sessionMs / 3,
    },
    extentOf: async (topic, partition) => (await offsets.ask([topic])).get(topic)?.get(partition),
    say: ({ topic, partition, state }, fault) =>
      log[state === 'stopped' ? 'error' : 'warn']({ code: fault.code, topic, partition, state }, fault.message),
    onTaken: (outcomes) => options.onTaken?.(outcomes),
    lookSoon: () => looking.wake(),
  }
  const onCrash = (error: unknown) => {
    membership = null
    partitions.clear()
    failures++
    againAtMs = performance.now() + backOffMs(failures)
    const fault = kafkaFault(error, settings)
    report(fault, joinFault)
    joinFault = fault
  }
  const onJoined = () => {
    joinFault = null
    failures = 0
    looking.wake()
  }
  const join = () => joinGroup({ kafka, settings, partitions, context, onJoined, onCrash, log })

  const lookOnce = async () => {
    if (membership === null) {
      if (performance.now() < againAtMs) return
      try {
        membership = await join()
      } catch (error) {
        return onCrash(error)
      }
    }
    await look(partitions, { ...context, reader: membership.reader })
    lookFault = null
  }

  try {
    membership = await join()
  } catch (error) {
    await offsets.close()
    throw kafkaFault(error, settings)
  }
  const looking = repeat(lookEveryMs, lookOnce, (error) => {
    const fault = kafkaFault(error, settings)
    report(fault, lookFault)
    lookFault = fault
  })
  return {
    states() {
      const fault = joinFault ?? lookFault
      return {
        fault: fault === null ? null : { code: fault.code, message: fault.message },
        partitions: [...partitions.values()].map(stateOf),
      }
    },
    async close() {
      await looking.stop()
      await membership?.leave()
      partitions.clear()
      await offsets.close()
    },
  }
}
