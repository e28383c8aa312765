import type { Event } from '../../pipelines/ingest/events.ts'
import { type IngestContext, ingest, type RawRecord } from '../../pipelines/ingest/ingest.ts'
import type { AcceptableEvent } from '../../pipelines/ingest/ports.ts'

/** Moments of the tests count from here. */
export const startMs = Date.UTC(2024, 0, 1)
export const at = (ms: number): string => new Date(startMs + ms).toISOString()

export const record = (event: unknown): RawRecord => ({
  bytes: new TextEncoder().encode(JSON.stringify(event)),
  path: '',
})

export const send = (events: readonly unknown[], context: IngestContext) => ingest(events.map(record), context)

/** An item's event as the ingest store takes it: `content` tells one from another under the same id. */
export function itemEvent(eventId: string, content = 1, atMs = 0): AcceptableEvent {
  const event: Event = { type: 'item', eventId, occurredAt: at(atMs), itemId: 'i1', features: { content } }
  return { event, occurredAtMs: startMs + atMs, digest: BigInt(content) }
}
