import type { FeatureValue, NumericFeature } from './features.ts'

/** The number a model sees, or null where it is missing: no number, or not finite. Booleans read as 0 and 1. */
export function scaled(value: FeatureValue | undefined, scale: NumericFeature['scale']): number | null {
  const number = typeof value === 'boolean' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number)) return null
  return scale === 'log' ? Math.log1p(Math.max(number, 0)) : number
}
