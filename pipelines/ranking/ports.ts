import type { FeatureValues } from '../../models/spec/features.ts'
import type { HistoryItem, Tally } from '../../models/spec/slate.ts'

/** Features as the catalogue has them now, and the reference to exactly these. */
export interface CatalogEntry {
  readonly version: number
  readonly features: FeatureValues
}

/** What is known of a user and of candidates now. Absent keys are unknown users and items. */
export interface Known {
  readonly user: CatalogEntry | null
  readonly userTally: Tally | null
  /** Newest last. */
  readonly history: readonly HistoryItem[]
  /** Sequence number of the newest history entry that was looked at; 0 for none. */
  readonly historyEnd: number
  readonly items: ReadonlyMap<string, CatalogEntry>
  readonly itemTallies: ReadonlyMap<string, Tally>
  readonly userItemTallies: ReadonlyMap<string, Tally>
}

export interface KnowledgeQuery {
  readonly userId: string
  readonly itemIds: readonly string[]
  /** Kinds among the user's last `historyHorizon` feedback that the ranker sees; null for any, empty for none. */
  readonly historyFeedback: readonly string[] | null
  readonly tallies: { readonly user: boolean; readonly item: boolean; readonly userItem: boolean }
}

/** Features at serving time. MUST answer for unknown ids (by leaving them out) and MUST NOT write. */
export interface KnowledgeStore {
  know(query: KnowledgeQuery): Promise<Known>
}

/** A slate that was ranked, as it enters the event log on topic `slates`, before the answer is sent. */
export interface RankedSlate {
  readonly eventId: string
  readonly slateId: string
  readonly ranker: string
  readonly definitionHash: string
  readonly modelVersion: string
  readonly userId: string
  readonly occurredAt: string
  readonly context: FeatureValues
  /** As the caller sent them. */
  readonly user?: FeatureValues
  /** How many the caller means to show. */
  readonly limit: number
  /** Best first, all candidates. Inline features are those the caller sent. */
  readonly items: readonly {
    readonly itemId: string
    readonly score: number
    readonly features?: FeatureValues
    /** As served, so that training uses what scoring used. */
    readonly version: number | null
    readonly tally: Tally | null
    readonly userItemTally: Tally | null
  }[]
  readonly userVersion: number | null
  readonly userTally: Tally | null
  readonly historyEnd: number
}

export interface SlateLog {
  /** MUST have made the slate durable when it resolves. */
  append(slate: RankedSlate): Promise<void>
}
