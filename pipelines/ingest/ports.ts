import type { Event } from './events.ts'

export interface AcceptableEvent {
  readonly event: Event
  readonly occurredAtMs: number
  /** Of the event's content: equal for a repeated event, different for another one under the same id. */
  readonly digest: bigint
}

export interface DeadLetter {
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
