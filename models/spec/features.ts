/** What a model sees. A feature is one entry of this list; adding one changes nothing else. */

/** Whose value it is: one a request (`user`, `context`) or one a candidate (`item`). */
export type FeatureScope = 'user' | 'item' | 'context'

/** Values as events carry them. A feature that is absent or null is missing, and missing is a value of its own. */
export type FeatureValue = string | number | boolean | readonly string[] | null
export type FeatureValues = Readonly<Record<string, FeatureValue>>

/**
 * How a text value becomes a table row: hashed into `buckets` rows (the default: nothing to agree on between versions or
 * shards), or looked up in a closed `vocabulary`.
 */
export interface Hashed {
  readonly buckets: number
}
export interface Vocabulary {
  readonly vocabulary: readonly string[]
}

/** One value. `field` is where it is read: `userId`, `itemId`, or a name in the scope's features (default: `name`). */
export interface CategoricalFeature {
  readonly kind: 'categorical'
  readonly name: string
  readonly scope: FeatureScope
  readonly field?: string
  readonly rows: Hashed | Vocabulary
  /** An id, as opposed to an attribute: subject to id dropout in training. */
  readonly isId?: boolean
}

/** A set of values; the model sees the mean of their vectors. */
export interface CategoriesFeature {
  readonly kind: 'categories'
  readonly name: string
  readonly scope: FeatureScope
  readonly field?: string
  readonly rows: Hashed | Vocabulary
  /** Values beyond this many are dropped. */
  readonly maxValues: number
}

/** Text, split into lower-case words; the model sees the mean of their vectors. */
export interface TextFeature {
  readonly kind: 'text'
  readonly name: string
  readonly scope: FeatureScope
  readonly field?: string
  readonly rows: Hashed
  readonly maxTokens: number
}

/**
 * A number. `scale` `standard` and `log` (log(1 + x), x below 0 read as 0) feed the model standardised and piecewise
 * linear codes; `buckets` gives each quantile bin of the training rows a table row.
 */
export interface NumericFeature {
  readonly kind: 'numeric'
  readonly name: string
  readonly scope: FeatureScope
  readonly field?: string
  readonly scale: 'standard' | 'log' | 'buckets'
}

/**
 * What happened before: of the user, the item, or this user with this item. Gives log(1 + impressions), per feedback
 * kind log(1 + count) and the smoothed rate (count + strength * prior) / (impressions + strength) with the prior learned
 * from training rows, and log(1 + seconds since the last impression), -1 where there is none.
 */
export interface CountersFeature {
  readonly kind: 'counters'
  readonly name: string
  readonly of: 'user' | 'item' | 'user-item'
  readonly feedback: readonly string[]
  /** Only what happened in the last so many days (default: ever). */
  readonly windowDays?: number
  /** Impressions' worth of prior (default 5). */
  readonly strength?: number
}

/** The user's latest items, newest last, each seen through some of the item features by name. */
export interface HistoryFeature {
  readonly kind: 'history'
  readonly name: string
  readonly length: number
  /** Names of `categorical` item features; history slots share their table rows. */
  readonly items: readonly string[]
  /** Feedback kinds that put an item into the history; any where left out. */
  readonly feedback?: readonly string[]
}

export type FeatureSpec =
  | CategoricalFeature
  | CategoriesFeature
  | TextFeature
  | NumericFeature
  | CountersFeature
  | HistoryFeature
