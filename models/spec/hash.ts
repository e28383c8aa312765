/**
 * The row of each value of a feature: 32-bit FNV-1a over UTF-16 code units, a separator between the two texts, with
 * MurmurHash3's final mixing, since FNV's low bits alone are poor. Row 0 of a feature's rows is as good as any other.
 */
export function rowHasher(feature: string, buckets: number): (value: string) => number {
  let start = 0x811c9dc5
  for (let i = 0; i < feature.length; i++) start = Math.imul(start ^ feature.charCodeAt(i), 0x01000193)
  start = Math.imul(start ^ 0x1f, 0x01000193)
  return (value) => hashFrom(start, value) % buckets
}

function hashFrom(start: number, value: string): number {
  let hash = start
  for (let i = 0; i < value.length; i++) hash = Math.imul(hash ^ value.charCodeAt(i), 0x01000193)
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
