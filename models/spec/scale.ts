import type { FeatureValue, NumericFeature } from './features.ts'

/** The number a model sees, or null where it is missing: no number, or not finite as a float32. Booleans read as 0 and 1. */
export function scaled(value: FeatureValue | undefined, scale: NumericFeature['scale']): number | null {
  const number = typeof value === 'boolean' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number)) return null
  const seen = scale === 'log' ? Math.log1p(Math.max(number, 0)) : number
  // Batches are float32: a number beyond would be infinite there, and with it the mean of its column.
  return Number.isFinite(Math.fround(seen)) ? seen : null
}
