/**
 * What the encoder and the trunk learn from training rows, and only from them. Stored in a version's manifest, so that a
 * version encodes the same for ever.
 */
export interface NumberStatistics {
  readonly mean: number
  /** Standard deviation; 1 where all values are equal. */
  readonly deviation: number
  /** Distinct values among the quantiles 0, 1/16, ... 1, ascending; bins lie between neighbours. */
  readonly edges: readonly number[]
  /** Mean of each bin's piecewise linear code over the training rows; one shorter than `edges`. */
  readonly codeMeans: readonly number[]
}

export interface Statistics {
  /** By number name, request and candidate side alike, of the values after the feature's scale (`log` taken). */
  readonly numbers: Readonly<Record<string, NumberStatistics>>
  /** By feedback kind: share of training impressions that got it; the prior of smoothed rates. */
  readonly rates: Readonly<Record<string, number>>
}
