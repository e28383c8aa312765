import type { FeatureValues } from '../../models/spec/features.ts'
import type { HistoryItem, Tally } from '../../models/spec/slate.ts'

/** What is known of a user and of candidates now. Absent keys are unknown users and items. */
export interface Known {
  readonly user: FeatureValues | null
  readonly userTally: Tally | null
  /** Newest last. */
  readonly history: readonly HistoryItem[]
  readonly items: ReadonlyMap<string, FeatureValues>
  readonly itemTallies: ReadonlyMap<string, Tally>
  readonly userItemTallies: ReadonlyMap<string, Tally>
}

export interface KnowledgeQuery {
  readonly userId: string
  readonly itemIds: readonly string[]
  /** How many history items the ranker sees; 0 for none. */
  readonly historyLength: number
  /** Feedback kinds that put an item into the history; empty for any. */
  readonly historyFeedback: readonly string[]
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
  /** How many the caller means to show. */
  readonly limit: number
  /** Best first, all candidates. Inline features are those the caller sent. */
  readonly items: readonly {
    readonly itemId: string
    readonly score: number
    readonly features?: FeatureValues
    /** As served, so that training uses what scoring used. */
    readonly tally: Tally | null
    readonly userItemTally: Tally | null
  }[]
  readonly userTally: Tally | null
}

export interface SlateLog {
  /** MUST have made the slate durable when it resolves. */
  append(slate: RankedSlate): Promise<void>
}
