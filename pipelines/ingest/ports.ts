import type { Event } from './events.ts'

export interface AcceptableEvent {
  readonly event: Event
  readonly occurredAtMs: number
  /** Of the event's content: equal for a repeated event, different for another one under the same id. */
  readonly digest: bigint
}

export interface DeadLetter {
  /** Null where it could not be read. */
  readonly eventId: string | null
  readonly payload: Uint8Array
  readonly code: string
  readonly path: string
  readonly message: string
}

export interface IngestTransaction {
  /**
   * Stores the events that are new and queues them for the join; one answer an event, in order. `events` MUST NOT repeat
   * an id.
   */
  accept(
    events: readonly AcceptableEvent[],
    source: string,
    receivedAtMs: number,
  ): Promise<readonly ('accepted' | 'duplicate' | 'conflict')[]>
  quarantine(letters: readonly DeadLetter[], source: string, receivedAtMs: number): Promise<void>
  /** Moves the clock of a source; never back. */
  advance(source: string, watermarkMs: number): Promise<void>
}

export interface IngestStore {
  /** All or nothing. */
  transaction<Result>(work: (transaction: IngestTransaction) => Promise<Result>): Promise<Result>
}

/** What became of one event so far. */
export type EventTrail =
  | {
      readonly state: 'pending' | 'orphan' | 'joined'
      readonly eventId: string
      readonly type: Event['type']
      readonly source: string
      readonly occurredAtMs: number
      readonly receivedAtMs: number
      readonly slateId: string | null
      /** Examples that it is in: its slate's, its impression's, or the one it is feedback on. */
      readonly examples: readonly { readonly slateId: string; readonly itemId: string }[]
      /** Versions that learnt from those examples. */
      readonly modelVersions: readonly string[]
    }
  | { readonly state: 'quarantined'; readonly eventId: string; readonly letter: QuarantinedLetter }

export interface QuarantinedLetter {
  readonly id: number
  readonly eventId: string | null
  readonly code: string
  readonly path: string
  readonly message: string
  readonly source: string
  readonly receivedAtMs: number
}

export interface EventLedger {
  /** Null where no event of this id ever came. */
  trail(eventId: string): Promise<EventTrail | null>
}

export interface DeadLetters {
  /** Newest first, at most 100, older than `before` where it is given. */
  list(before: number | null): Promise<readonly QuarantinedLetter[]>
  find(id: number): Promise<(QuarantinedLetter & { readonly payload: Uint8Array }) | null>
}
