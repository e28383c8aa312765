import type { FeatureValues } from '../../models/spec/features.ts'
import type { JoinedFeedback, Tally } from '../../models/spec/slate.ts'
import type { Event } from '../ingest/events.ts'

/**
 * Every source belongs to a clock, by which it is judged what is late: the live sources share one, and each backfill has
 * its own, so that neither makes the other late. Counts are kept by clock.
 */
export type Clock = string

export interface PendingEvent {
  readonly eventId: string
  readonly source: string
  readonly occurredAtMs: number
  readonly event: Event
}

export interface CatalogVersion {
  readonly kind: 'item' | 'user'
  readonly id: string
  readonly occurredAtMs: number
  readonly features: FeatureValues
  readonly deleted: boolean
}

/** A slate as joined: its features are references into the catalogue and counts strictly before it. */
export interface JoinedSlate {
  readonly slateId: string
  readonly source: string
  readonly ranker: string
  readonly definitionHash: string | null
  readonly modelVersion: string | null
  readonly userId: string
  readonly occurredAtMs: number
  readonly context: FeatureValues
  /** Sent with the slate; overlays the catalogue. */
  readonly user: FeatureValues
  readonly userVersion: number | null
  readonly userTally: Tally | null
  /** The user's history entries up to this sequence number were known; it sees those before its moment. */
  readonly historyEnd: number
  readonly items: readonly SlateItem[]
}
export interface SlateItem {
  readonly itemId: string
  readonly features?: FeatureValues
  readonly version: number | null
  readonly tally: Tally | null
  readonly userItemTally: Tally | null
}

export interface JoinedExample {
  readonly slateId: string
  readonly itemId: string
  readonly ranker: string
  readonly position: number
  readonly occurredAtMs: number
  readonly feedback: readonly JoinedFeedback[]
}

export interface HistoryRow {
  readonly userId: string
  /** In the order of the join, whatever the clock. */
  readonly sequence: number
  readonly itemId: string
  /** The item as it was known then. */
  readonly itemVersion: number | null
  readonly kind: string
  readonly occurredAtMs: number
}

export type TallyScope = 'user' | 'item' | 'user-item'
export interface TallyKey {
  readonly scope: TallyScope
  readonly key: string
}
/** What one clock has counted. */
export interface ClockTally extends TallyKey {
  readonly clock: Clock
  readonly tally: Tally
}
export const userItemKey = (userId: string, itemId: string): string => JSON.stringify([userId, itemId])

/** Slates that a batch names, with all their examples and what waits for them. */
export interface NamedSlates {
  readonly slates: readonly JoinedSlate[]
  readonly examples: readonly JoinedExample[]
  readonly orphans: readonly PendingEvent[]
}
/** What a batch of events may look at besides. */
export interface FoldKeys {
  readonly users: readonly string[]
  readonly items: readonly string[]
  /** Of each of `clocks`. */
  readonly tallies: readonly TallyKey[]
  readonly clocks: readonly Clock[]
  readonly history: boolean
}
export interface Remembered {
  readonly tallies: readonly ClockTally[]
  /** Versions of these users and items, newest effective last. */
  readonly catalog: readonly (Pick<CatalogVersion, 'kind' | 'id' | 'occurredAtMs'> & { readonly version: number })[]
  readonly historyEnds: readonly { readonly userId: string; readonly sequence: number }[]
}
export type FoldInput = NamedSlates & Remembered

export interface FoldOutput {
  readonly slates: readonly JoinedSlate[]
  /** New and changed ones. */
  readonly examples: readonly JoinedExample[]
  readonly tallies: readonly ClockTally[]
  readonly history: readonly HistoryRow[]
  /** Events that begin to wait, for a slate or for an item of it to be shown. */
  readonly orphans: readonly { readonly slateId: string; readonly eventId: string }[]
  /** Orphans that have met what they waited for. */
  readonly adopted: readonly { readonly slateId: string; readonly eventId: string }[]
}

export interface Source {
  readonly name: string
  readonly watermarkMs: number
  readonly joinedToMs: number
  /** Whether something of it is not joined yet. */
  readonly isWaiting: boolean
}
/** How far a source is joined now, and how many more of its events came late. */
export interface Move {
  readonly source: string
  readonly joinedToMs: number
  readonly late: number
}

export interface JoinTransaction {
  /** As they are now that no other join can move them. */
  sources(): Promise<readonly Source[]>
  /** Of these sources, in order of (occurredAt, kind, id): catalogue before slates before impressions before feedback. */
  pending(sources: readonly string[], upToMs: number, limit: number): Promise<readonly PendingEvent[]>
  addCatalog(versions: readonly CatalogVersion[]): Promise<readonly number[]>
  slates(slateIds: readonly string[]): Promise<NamedSlates>
  remembered(keys: FoldKeys): Promise<Remembered>
  save(output: FoldOutput): Promise<void>
  /** Takes the events off the queue, and moves sources on, never back. */
  finish(events: readonly PendingEvent[], moves: readonly Move[]): Promise<void>
}

export interface JoinStore {
  sources(): Promise<readonly Source[]>
  transaction<Result>(work: (transaction: JoinTransaction) => Promise<Result>): Promise<Result>
}
