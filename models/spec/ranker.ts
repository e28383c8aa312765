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

/** How the rate changes with the step: linear from 0 over `warmupSteps`, then to 0 at `decaySteps` along a half cosine. */
export interface Schedule {
  readonly warmupSteps?: number
  readonly decaySteps?: number
}

export type OptimizerSpec =
  | { readonly kind: 'sgd' }
  /** Kingma and Ba, arXiv:1412.6980. */
  | { readonly kind: 'adam' }
  /** Loshchilov and Hutter, arXiv:1711.05101. */
  | { readonly kind: 'adamw'; readonly weightDecay: number }
  /** Duchi, Hazan and Singer, JMLR 12 (2011). */
  | { readonly kind: 'adagrad' }

export interface TrainingSpec {
  readonly batchSize: number
  /** The most passes; early stopping on the validation slice ends sooner. */
  readonly epochs: number
  /** Passes without improvement on the validation slice before stopping. */
  readonly patience: number
  /** Of the dense weights. Tables have row-wise moments of their own. */
  readonly optimizer: OptimizerSpec
  /** Of the dense weights' rates; constant where left out. */
  readonly schedule?: Schedule
  /** The gradient of the dense weights is scaled down to this norm where it is longer. */
  readonly clipNorm?: number
  readonly rate: number
  readonly embeddingRate: number
  readonly wideRate: number
  /** Ridge of the wide part; its gradient is (ridge / training rows) * weight. */
  readonly ridge: number
  /**
   * Share of the examples without feedback that are learnt, chosen by a hash; each counts for 1 / share, so that scores
   * keep their level. What decides when to stop, calibrates and measures is whole.
   */
  readonly negativeSamplingRate: number
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
