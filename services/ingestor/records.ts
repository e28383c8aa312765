import type { RawRecord } from '../../pipelines/ingest/ingest.ts'
import type { RecordOrigin } from '../../pipelines/ingest/ports.ts'

/** What is read of one of Kafka's records: headers say nothing, and keys only where the value is missing. */
export interface Message {
  readonly offset: string
  /** Milliseconds since 1970. */
  readonly timestamp: string
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
}

const encoder = new TextEncoder()
const nothing = new Uint8Array(0)

/** A record as ingest takes it. One without a value is a deletion in the catalogue, and elsewhere one that nothing reads. */
export function toRecord(message: Message, origin: RecordOrigin, isCatalog: boolean): RawRecord {
  const bytes = message.value ?? (isCatalog ? deletionOf(message, origin) : null) ?? nothing
  return { bytes, path: '', origin }
}

/** Compaction keeps a key without a value for what was deleted; its event has an id that a second reading makes again. */
function deletionOf({ key, timestamp }: Message, { topic, partition, offset }: RecordOrigin): Uint8Array | null {
  const [, type, id] = /^(item|user):(.+)$/s.exec(textOf(key)) ?? []
  const occurredAt = new Date(Number(timestamp))
  if (id === undefined || Number.isNaN(occurredAt.getTime())) return null
  const event = {
    type,
    eventId: `${topic}-${partition}-${offset}`,
    occurredAt: occurredAt.toISOString(),
    [`${type}Id`]: id,
    deleted: true,
  }
  return encoder.encode(JSON.stringify(event))
}

/** Empty where it is no UTF-8. */
function textOf(bytes: Uint8Array | null): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes ?? nothing)
  } catch {
    return ''
  }
}
