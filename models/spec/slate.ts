import type { FeatureValues } from './features.ts'

/**
 * What has happened so far, strictly before one moment, of a user, an item, or a user with an item.
 * `days` holds the same counts per day (UTC day number), newest last, for windows.
 */
export interface Tally {
  readonly impressions: number
  readonly feedback: Readonly<Record<string, number>>
  readonly lastImpressionAtMs: number | null
  readonly days?: readonly DayTally[]
}
export interface DayTally {
  readonly day: number
  readonly impressions: number
  readonly feedback: Readonly<Record<string, number>>
}

export interface HistoryItem {
  readonly itemId: string
  readonly occurredAtMs: number
  /** Feedback kind that put it there. */
  readonly kind: string
  readonly features: FeatureValues
}

export interface Candidate {
  readonly itemId: string
  /** The item's catalogue features, overlaid by those sent inline. */
  readonly features: FeatureValues
  readonly tally: Tally | null
  readonly userItemTally: Tally | null
}

/**
 * Everything a model may look at to score candidates for one user at one moment: what a ranking request is hydrated
 * into, and what a logged slate is rebuilt into. The encoder knows no other input, so serving and training encode alike.
 */
export interface RankingInput {
  readonly userId: string
  readonly occurredAtMs: number
  readonly user: FeatureValues
  readonly context: FeatureValues
  /** Newest last. */
  readonly history: readonly HistoryItem[]
  readonly userTally: Tally | null
  readonly candidates: readonly Candidate[]
}

/** Feedback that met an impression. `value` is null where the event had none. */
export interface JoinedFeedback {
  readonly kind: string
  readonly value: number | null
  readonly occurredAtMs: number
}

/** One candidate of a slate that was shown, and what came of it up to `watermarkMs`. */
export interface Impression {
  /** Index into the input's candidates. */
  readonly candidate: number
  readonly position: number
  readonly feedback: readonly JoinedFeedback[]
  /** Where only this share of its like is learnt: it stands for 1 / samplingRate examples. */
  readonly samplingRate?: number
}

/** One slate as training reads it. Every impression is one example. */
export interface SlateExamples {
  readonly slateId: string
  readonly input: RankingInput
  readonly impressions: readonly Impression[]
  /** Event time up to which feedback is known; a task whose window is still open then is masked. */
  readonly watermarkMs: number
}
