import { createHash } from 'node:crypto'
import { canonical } from '../../models/spec/definition-hash.ts'
import { type Event, type EventFault, eventIdOf, validateEvent } from './events.ts'
import type { AcceptableEvent, DeadLetter, IngestStore } from './ports.ts'

/** One record as it came: a body, one entry of an array, or one line. `path` is where it stood, such as `/3`. */
export interface RawRecord {
  readonly bytes: Uint8Array
  readonly path: string
}

/** What became of one record. */
export interface EventOutcome {
  /** Null where the record has none that can be read. */
  readonly eventId: string | null
  readonly outcome: 'accepted' | 'duplicate' | 'quarantined'
  readonly code?: string
  readonly path?: string
  readonly message?: string
}

export interface IngestContext {
  readonly store: IngestStore
  /** Names of the rankers there are; a slate may leave its ranker out where there is one. */
  readonly rankers: readonly string[]
  /** `rest` is live; any other source is a backfill with a clock of its own. */
  readonly source: string
  nowMs(): number
}

export const liveSource = 'rest'

type Read =
  | { readonly record: RawRecord; readonly acceptable: AcceptableEvent }
  | { readonly record: RawRecord; readonly fault: EventFault; readonly eventId: string | null }

/**
 * Takes records in: checks each, stores what is new, and sets the rest aside, in one transaction. Never fails for a bad
 * record. One outcome a record, in order; nothing is answered `accepted` before it is stored.
 */
export async function ingest(records: readonly RawRecord[], context: IngestContext): Promise<readonly EventOutcome[]> {
  const nowMs = context.nowMs()
  const read = records.map((record) => readRecord(record, context.rankers, nowMs))
  return context.store.transaction(async (transaction) => {
    const first = new Map<string, AcceptableEvent>()
    for (const each of read) {
      if ('acceptable' in each && !first.has(each.acceptable.event.eventId))
        first.set(each.acceptable.event.eventId, each.acceptable)
    }
    const events = [...first.values()]
    const answers = await transaction.accept(events, context.source, nowMs)
    const answerOf = new Map(events.map((event, i) => [event, answers[i]!]))
    const results = read.map((each) => resultOf(each, first, answerOf))
    const letters = results.flatMap(({ letter }) => (letter === null ? [] : [letter]))
    if (letters.length > 0) await transaction.quarantine(letters, context.source, nowMs)
    const taken = events.filter((_, i) => answers[i] !== 'conflict')
    if (context.source !== liveSource && taken.length > 0) {
      // The newest moment may go on in the next records; all before it is whole.
      await transaction.advance(context.source, Math.max(...taken.map(({ occurredAtMs }) => occurredAtMs)) - 1)
    }
    return results.map(({ outcome }) => outcome)
  })
}

function readRecord(record: RawRecord, rankers: readonly string[], nowMs: number): Read {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(record.bytes))
  } catch (error) {
    return {
      record,
      eventId: null,
      fault: { code: 'EVENT_JSON_INVALID', path: '', message: `Not JSON in UTF-8: ${(error as Error).message}` },
    }
  }
  const validated = validateEvent(value, nowMs)
  const eventId = eventIdOf(value)
  if (!validated.ok) return { record, eventId, fault: validated.fault }
  const event = withRanker(validated.event, rankers)
  if ('code' in event) return { record, eventId, fault: event }
  return { record, acceptable: { event, occurredAtMs: validated.occurredAtMs, digest: digestOf(event) } }
}

function withRanker(event: Event, rankers: readonly string[]): Event | EventFault {
  if (event.type !== 'slate') return event
  const ranker = event.ranker ?? (rankers.length === 1 ? rankers[0]! : undefined)
  if (ranker !== undefined && rankers.includes(ranker)) return { ...event, ranker }
  return { code: 'EVENT_RANKER_UNKNOWN', path: '/ranker', message: `"ranker" must be one of ${rankers.join(', ')}.` }
}

function digestOf(event: Event): bigint {
  return createHash('sha256').update(canonical(event)).digest().readBigInt64BE()
}

function resultOf(
  read: Read,
  first: ReadonlyMap<string, AcceptableEvent>,
  answers: ReadonlyMap<AcceptableEvent, 'accepted' | 'duplicate' | 'conflict'>,
): { outcome: EventOutcome; letter: DeadLetter | null } {
  const { record } = read
  const quarantined = (eventId: string | null, fault: EventFault) => ({
    outcome: { eventId, outcome: 'quarantined' as const, ...fault, path: record.path + fault.path },
    letter: { eventId, payload: record.bytes, ...fault },
  })
  if ('fault' in read) return quarantined(read.eventId, read.fault)
  const { eventId } = read.acceptable.event
  const kept = first.get(eventId)!
  const isFirst = kept === read.acceptable
  const ofFirst = answers.get(kept)!
  const isRefused = ofFirst === 'conflict' || kept.digest !== read.acceptable.digest
  const answer = isFirst ? ofFirst : isRefused ? 'conflict' : 'duplicate'
  if (answer !== 'conflict') return { outcome: { eventId, outcome: answer }, letter: null }
  return quarantined(eventId, {
    code: 'EVENT_ID_CONFLICT',
    path: '/eventId',
    message: 'Another event with this id and other content was accepted before; give this one an id of its own.',
  })
}
