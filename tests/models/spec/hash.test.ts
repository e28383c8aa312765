import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rowHasher } from '../../../models/spec/hash.ts'
import { anyText } from './rankers.ts'

test('hashes are those that trained versions were built on', () => {
  const frozen: readonly (readonly [feature: string, value: string, hash: number])[] = [
    ['itemId', 'i7', 4_162_517_670],
    ['itemId', 'i8', 612_421_682],
    ['userId', 'i7', 516_570_554],
    ['itemId', '', 532_663_353],
    ['title', 'été', 2_987_784_973],
    ['title', '💡', 1_506_856_943],
    ['itemId', '\u0000missing', 570_690_913],
  ]

  for (const [feature, value, hash] of frozen) {
    assert.equal(rowHasher(feature, 2 ** 32)(value), hash)
    assert.equal(rowHasher(feature, 1000)(value), hash % 1000)
  }
})

test('where the feature ends and the value begins makes a difference', () => {
  assert.notEqual(rowHasher('a', 2 ** 32)('bc'), rowHasher('ab', 2 ** 32)('c'))
})

test('every value has a row among the buckets', () => {
  fc.assert(
    fc.property(fc.string(), anyText(20), fc.integer({ min: 1, max: 2 ** 31 }), (feature, value, buckets) => {
      const row = rowHasher(feature, buckets)(value)
      return Number.isInteger(row) && row >= 0 && row < buckets
    }),
  )
})

test('consecutive ids spread evenly, over a power of two and over other sizes', () => {
  const ids = 20_000
  for (const prefix of ['', 'i', 'user-000']) {
    for (const buckets of [64, 61, 100]) {
      const counts = new Float64Array(buckets)
      for (let id = 0; id < ids; id++) counts[rowHasher('itemId', buckets)(`${prefix}${id}`)]!++
      const expected = ids / buckets
      const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
      const [mean, deviation] = [buckets - 1, Math.sqrt(2 * (buckets - 1))]

      assert.ok(Math.abs(chiSquare - mean) < 4 * deviation, `${prefix} over ${buckets}: ${chiSquare}`)
    }
  }
})

test('hardly any of 300,000 ids share a full hash', () => {
  const seen = new Set<number>()
  for (let id = 0; id < 300_000; id++) seen.add(rowHasher('itemId', 2 ** 32)(String(id)))

  // 10 pairs are expected to by chance.
  assert.ok(seen.size > 300_000 - 30, String(seen.size))
})
