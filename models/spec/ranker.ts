import type { FeatureSpec } from './features.ts'
import type { TaskSpec } from './tasks.ts'

/** The network over the shared trunk. Sizes are widths of layers. */
export type ArchitectureSpec =
  | { readonly kind: 'single-task'; readonly hidden: number; readonly tower: number }
  | { readonly kind: 'shared-bottom'; readonly hidden: number; readonly tower: number }
  | { readonly kind: 'mmoe'; readonly experts: number; readonly hidden: number; readonly tower: number }

/** The trunk that all architectures share. */
export interface TrunkSpec {
  /** Width of embedding vectors. */
  readonly dimension: number
  /** Chance that an id reads as unseen in training, in the deep part only. */
  readonly idDropout: number
  /** Dropout after each hidden layer. */
  readonly dropout: number
}

export interface TrainingSpec {
  readonly batchSize: number
  /** The most passes; early stopping on the validation slice ends sooner. */
  readonly epochs: number
  /** Passes without improvement on the validation slice before stopping. */
  readonly patience: number
  readonly rate: number
  readonly embeddingRate: number
  readonly wideRate: number
  /** Ridge of the wide part; its gradient is (ridge / training rows) * weight. */
  readonly ridge: number
  /** Decay of the averaged weights, per step. */
  readonly averaging: number
  readonly seed: number
}

/** Which entries of a slate become examples. */
export type ImpressionPolicy = 'explicit' | 'top' | 'until-last-feedback'

/** One named ranking problem, complete: what `defineRanker` returns, and what a version and every slate refer to. */
export interface RankerDefinition {
  readonly name: string
  readonly features: readonly FeatureSpec[]
  readonly tasks: readonly TaskSpec[]
  readonly impressions: ImpressionPolicy
  readonly trunk: TrunkSpec
  readonly architecture: ArchitectureSpec
  readonly training: TrainingSpec
}
