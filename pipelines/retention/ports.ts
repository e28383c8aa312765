import type { Source } from '../join/ports.ts'
import type { ModelVersion } from '../promotion/ports.ts'

/** Event time of what one clock keeps: from <= occurredAt <= to. */
export interface KeptTime {
  readonly sources: readonly string[]
  readonly fromMs: number
  readonly toMs: number
}

/** What of one table is older than it is kept. */
export interface Expired {
  readonly table: string
  /** Rows that went, or that would go. */
  readonly rows: number
  /** Days that something in them still needs, which keep their rows. */
  readonly heldDays: readonly string[]
  /** Moment of the oldest row that stays; null where none does. */
  readonly oldestKeptMs: number | null
}

/**
 * What lets go of old rows: a few thousand a transaction, so that nobody waits long. Each answers what went, or with
 * `isDryRun` what would. What came at `beforeMs`, or is later, stays.
 */
export interface RetentionStore {
  sources(): Promise<readonly Source[]>
  /** Events that wait for a slate, by receipt. */
  orphans(beforeMs: number, isDryRun: boolean): Promise<Expired>
  /** What events say, by whole days of receipt that ended by then. A day of which something is to be joined yet is held. */
  bodies(beforeMs: number, isDryRun: boolean): Promise<Expired>
  /** Ids of events, by receipt; one that is to be joined yet stays. */
  ledger(beforeMs: number, isDryRun: boolean): Promise<Expired>
  /** By receipt: those that ended, and those that nobody ended. */
  deadLetters(beforeMs: number, isDryRun: boolean): Promise<readonly Expired[]>
  /** Slates older than their clock keeps, with their examples. */
  slates(kept: readonly KeptTime[], isDryRun: boolean): Promise<readonly Expired[]>
  /** Entries outside what any clock keeps; the newest of each user stays, as it holds the user's place. */
  history(kept: readonly KeptTime[], isDryRun: boolean): Promise<Expired>
  /** Versions that another one followed before what any clock keeps, and that no slate and no history refers to. */
  catalog(kept: readonly KeptTime[], isDryRun: boolean): Promise<Expired>
  /** When batches were joined, but for what was newest as a version began to read. */
  joinBatches(beforeMs: number, isDryRun: boolean): Promise<Expired>
  /** Gives days of receipt that have ended an index by slate, which would slow the intake down on the day itself. */
  indexBodies(beforeMs: number): Promise<void>
}

/** Rows of one user in one table. */
export interface Erased {
  readonly table: string
  readonly rows: number
}

export interface Erasure {
  readonly tables: readonly Erased[]
  /** Versions that may have learnt from the user: examples of theirs lie in the range that was trained on. */
  readonly versions: readonly { readonly version: string; readonly ranker: string }[]
  /** Trainings under way: they may have read the user's examples already. */
  readonly runningJobs: readonly string[]
}

export interface ErasureStore {
  /** Counts what there is of a user, and changes nothing. */
  find(userId: string): Promise<Erasure>
  /**
   * Takes it away, for good. The moment is noted, so that what the user did until then does not come back; and with each
   * version that may have learnt from the user, those of trainings that read meanwhile as well.
   */
  erase(userId: string, nowMs: () => number): Promise<Erasure>
}

/** A place among the slates that a version learnt. */
export interface SlateCursor {
  readonly occurredAtMs: number
  readonly slateId: string
}
/** A slate that a version learnt. */
export interface LearntSlate extends SlateCursor {
  readonly source: string
  readonly examples: number
  /** Its own, of its impressions and of its feedback, as long as what they say is kept. */
  readonly eventIds: readonly string[]
}
/** What is left of what a version learnt. */
export interface LearntCounts {
  readonly users: number
  readonly slates: number
  readonly examples: number
  readonly bySource: readonly { readonly source: string; readonly examples: number }[]
  /** Event time, UTC days. */
  readonly byDay: readonly { readonly day: string; readonly examples: number }[]
}

/** What a version was made of: slates in its range that had been joined when its training began to read. */
export interface LineageStore {
  count(version: ModelVersion): Promise<LearntCounts>
  /** In order of (occurredAt, slateId); `next` is null where there are no more. */
  slates(
    version: ModelVersion,
    after: SlateCursor | null,
    limit: number,
  ): Promise<{ readonly slates: readonly LearntSlate[]; readonly next: SlateCursor | null }>
}
