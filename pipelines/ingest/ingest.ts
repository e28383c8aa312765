import { hash } from 'node:crypto'
import { canonical } from '../../models/spec/definition-hash.ts'
import { type Event, type EventFault, eventIdOf, validateEvent } from './events.ts'
import type {
  AcceptableEvent,
  Acceptance,
  Claim,
  DeadLetter,
  IngestStore,
  IngestTransaction,
  RecordOrigin,
} from './ports.ts'

/** One record as it came: a body, one entry of an array, or one line. `path` is where it stood, such as `/3`. */
export interface RawRecord {
  readonly bytes: Uint8Array
  readonly path: string
  readonly origin?: RecordOrigin
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
  readonly source: string
  nowMs(): number
}

/** Events that this service takes itself; their clock is the wall's. */
export const liveSource = 'rest'

type Read =
  | { readonly record: RawRecord; readonly acceptable: AcceptableEvent }
  | { readonly record: RawRecord; readonly fault: EventFault; readonly eventId: string | null }

/**
 * Takes records in: checks each, stores what is new, and sets the rest aside, in one transaction. Never fails for a bad
 * record. One outcome a record, in order; nothing is answered `accepted` before it is stored.
 *
 * `claim`, for records of a partition: moves its position in the same transaction, its watermark to the newest event less
 * `latenessMs`. Fault `POSITION_MOVED`, and nothing is stored.
 */
export async function ingest(
  records: readonly RawRecord[],
  context: IngestContext,
  claim?: Omit<Claim, 'watermarkMs'> & { readonly latenessMs: number },
): Promise<readonly EventOutcome[]> {
  const nowMs = context.nowMs()
  const read = records.map((record) => readRecord(record, context.rankers, nowMs))
  return context.store.transaction(async (transaction) => {
    if (claim !== undefined) {
      const newestMs = Math.max(0, ...read.map((each) => ('acceptable' in each ? each.acceptable.occurredAtMs : 0)))
      await transaction.claim({ ...claim, watermarkMs: Math.max(0, Math.min(newestMs, nowMs) - claim.latenessMs) })
    }
    const { outcomes, letters } = await accept(read, transaction, context.source, nowMs)
    if (letters.length > 0) await transaction.quarantine(letters, context.source, nowMs)
    return outcomes
  })
}

/** A letter's end, or why it stays. */
export type ReplayOutcome = EventOutcome | { readonly outcome: 'unknown' }

/**
 * Takes an open dead letter once more, with `payload` in place of its own where one is given: it ends where it is accepted
 * or a duplicate, and stays with the newest payload and fault otherwise. `unknown`: there is no open letter of this id.
 */
export async function replay(
  id: number,
  payload: Uint8Array | null,
  context: Omit<IngestContext, 'source'>,
): Promise<ReplayOutcome> {
  const nowMs = context.nowMs()
  return context.store.transaction(async (transaction) => {
    const letter = await transaction.holdLetter(id)
    if (letter === null) return { outcome: 'unknown' }
    const read = readRecord({ bytes: payload ?? letter.payload, path: '' }, context.rankers, nowMs)
    const { outcomes, letters } = await accept([read], transaction, letter.source, nowMs)
    if (letters[0] === undefined) await transaction.resolveLetter(id, 'replayed', nowMs)
    else await transaction.keepLetter(id, letters[0])
    return outcomes[0]!
  })
}

/** Ends an open dead letter without taking it; false where there is none of this id. */
export async function drop(id: number, { store, nowMs }: Pick<IngestContext, 'store' | 'nowMs'>): Promise<boolean> {
  return store.transaction(async (transaction) => {
    if ((await transaction.holdLetter(id)) === null) return false
    await transaction.resolveLetter(id, 'dropped', nowMs())
    return true
  })
}

async function accept(
  read: readonly Read[],
  transaction: IngestTransaction,
  source: string,
  nowMs: number,
): Promise<{ readonly outcomes: readonly EventOutcome[]; readonly letters: readonly DeadLetter[] }> {
  const first = new Map<string, AcceptableEvent>()
  for (const each of read) {
    if ('acceptable' in each && !first.has(each.acceptable.event.eventId))
      first.set(each.acceptable.event.eventId, each.acceptable)
  }
  const events = [...first.values()]
  const answers = await transaction.accept(events, source, nowMs)
  const answerOf = new Map(events.map((event, i) => [event, answers[i]!]))
  const results = read.map((each) => resultOf(each, first, answerOf))
  return {
    outcomes: results.map(({ outcome }) => outcome),
    letters: results.flatMap(({ letter }) => (letter === null ? [] : [letter])),
  }
}

const erasedFault: EventFault = {
  code: 'EVENT_USER_ERASED',
  path: '/userId',
  message: 'The data of this user was erased after this had happened; nothing of it is kept.',
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function readRecord(record: RawRecord, rankers: readonly string[], nowMs: number): Read {
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(record.bytes))
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
  return hash('sha256', canonical(event), 'buffer').readBigInt64BE()
}

function resultOf(
  read: Read,
  first: ReadonlyMap<string, AcceptableEvent>,
  answers: ReadonlyMap<AcceptableEvent, Acceptance>,
): { outcome: EventOutcome; letter: DeadLetter | null } {
  const { record } = read
  const quarantined = (eventId: string | null, fault: EventFault) => ({
    outcome: { eventId, outcome: 'quarantined' as const, ...fault, path: record.path + fault.path },
    letter: {
      eventId,
      payload: record.bytes,
      ...fault,
      ...(record.origin === undefined ? {} : { origin: record.origin }),
    },
  })
  if ('fault' in read) return quarantined(read.eventId, read.fault)
  const { eventId } = read.acceptable.event
  const kept = first.get(eventId)!
  const isFirst = kept === read.acceptable
  const ofFirst = answers.get(kept)!
  const isRefused = ofFirst === 'conflict' || kept.digest !== read.acceptable.digest
  const answer = isFirst ? ofFirst : isRefused ? 'conflict' : 'duplicate'
  if (answer === 'erased') return { outcome: { eventId, outcome: 'duplicate', ...erasedFault }, letter: null }
  if (answer !== 'conflict') return { outcome: { eventId, outcome: answer }, letter: null }
  return quarantined(eventId, {
    code: 'EVENT_ID_CONFLICT',
    path: '/eventId',
    message: 'Another event with this id and other content was accepted before; give this one an id of its own.',
  })
}
