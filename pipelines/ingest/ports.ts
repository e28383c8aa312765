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
  readonly origin?: RecordOrigin
}

/** Where a record stands: in Kafka, or in an imported file, whose topic is `import:SOURCE:FILE` and offset its row. */
export interface RecordOrigin {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** One partition as a consumer group reads it: all before `nextOffset` was taken. */
export interface Position {
  readonly topic: string
  readonly partition: number
  readonly nextOffset: number
  /** Event time: nothing older will come out of this partition. */
  readonly watermarkMs: number
}

/** A move of a position from where the mover believes it to be. */
export interface Claim extends Position {
  readonly group: string
  readonly fromOffset: number
}

/** What became of an acceptable event; `erased`: its user was, after it occurred. */
export type Acceptance = 'accepted' | 'duplicate' | 'conflict' | 'erased'

export interface IngestTransaction {
  /**
   * Stores the events that are new and queues them for the join; one answer an event, in order. `events` MUST NOT repeat
   * an id.
   */
  accept(events: readonly AcceptableEvent[], source: string, receivedAtMs: number): Promise<readonly Acceptance[]>
  /** A record of the same origin and content is set aside once. */
  quarantine(letters: readonly DeadLetter[], source: string, receivedAtMs: number): Promise<void>
  /** When the newest event of a source occurred that waits for the join; null where none does. */
  newestPending(source: string): Promise<number | null>
  /** Moves the clock of a source; never back. */
  advance(source: string, watermarkMs: number): Promise<void>
  /** Fault `POSITION_MOVED` where the position is elsewhere: another consumer has the partition now. */
  claim(claim: Claim): Promise<void>
  /** An open dead letter, held until the end of the transaction; null where there is none. */
  holdLetter(id: number): Promise<OpenLetter | null>
  /** The letter ends so. */
  resolveLetter(id: number, resolution: Resolution, atMs: number): Promise<void>
  /** It was tried once more and stays, with this payload and fault. */
  keepLetter(id: number, letter: DeadLetter): Promise<void>
}

export type Resolution = 'replayed' | 'dropped'
export interface OpenLetter {
  readonly source: string
  readonly payload: Uint8Array
}

export interface IngestStore {
  /** All or nothing. */
  transaction<Result>(work: (transaction: IngestTransaction) => Promise<Result>): Promise<Result>
}

/** Where consumer groups stand. Outside `claim`, only an operator moves a position. */
export interface PositionStore {
  list(group: string): Promise<readonly Position[]>
  /** Notes partitions that the group has not read before, to be read from `nextOffset` into `source`. */
  begin(group: string, source: string, positions: readonly Position[]): Promise<void>
  /** Moves the watermarks of partitions that still stand at `nextOffset`, never back: there is nothing more to read in them. */
  idle(group: string, positions: readonly Position[]): Promise<void>
  /** False where the group has no such partition. */
  reset(group: string, topic: string, partition: number, nextOffset: number): Promise<boolean>
  /** Lets go of a topic that is not read any more: its clock holds nothing back. Returns how many partitions it had. */
  forget(group: string, topic: string): Promise<number>
}

/** What became of one event so far. */
export type EventTrail =
  | {
      /** `expired`: the slate that it waited for never came, or retention let go of the slate or of what the event says. */
      readonly state: 'pending' | 'orphan' | 'joined' | 'expired'
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
  /** Null where it came by itself, not from Kafka or a file. */
  readonly topic: string | null
  readonly partition: number | null
  readonly offset: number | null
  /** How often it was taken in vain. */
  readonly attempts: number
  readonly resolution: Resolution | null
  readonly resolvedAtMs: number | null
}

export interface EventLedger {
  /** Null where no event of this id ever came. */
  trail(eventId: string): Promise<EventTrail | null>
  /** Accepted events in the order of receipt, up to `untilMs`: the first ones after `after`, or without it the last ones. */
  received(after: ReceiptCursor | null, untilMs: number, limit: number): Promise<readonly ReceivedEvent[]>
}

/** A place in the order of receipt. */
export interface ReceiptCursor {
  readonly receivedAtMs: number
  readonly eventId: string
}
export interface ReceivedEvent extends ReceiptCursor {
  readonly source: string
  readonly event: Event
}

export interface DeadLetters {
  /** Open ones, newest first, at most 100, older than `before` and of this code where they are given. */
  list(before: number | null, code?: string): Promise<readonly QuarantinedLetter[]>
  countOpen(): Promise<number>
  find(id: number): Promise<(QuarantinedLetter & { readonly payload: Uint8Array }) | null>
}
