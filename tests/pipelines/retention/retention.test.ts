import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KeptTime } from '../../../pipelines/retention/ports.ts'
import { gapsBetween, keptTimes } from '../../../pipelines/retention/retention.ts'

const dayMs = 86_400_000
const source = (name: string, joinedToMs: number) => ({ name, joinedToMs, watermarkMs: 0, isWaiting: false })
const times = (fromMs: number, toMs: number): KeptTime => ({ sources: [], fromMs, toMs })
const forever = Number.MAX_SAFE_INTEGER

test('live sources keep what is new by the newest of them, and each backfill by itself', () => {
  const sources = [source('kafka', 7 * dayMs), source('old', 2 * dayMs), source('rest', 9 * dayMs)]

  assert.deepEqual(keptTimes(sources, 3), [
    { sources: ['kafka', 'rest'], fromMs: 6 * dayMs, toMs: forever },
    { sources: ['old'], fromMs: -dayMs, toMs: 2 * dayMs },
  ])
  assert.deepEqual(keptTimes([], 3), [])
})

test('gaps are what lies before and between kept times, and never what is newest', () => {
  const least = Number.MIN_SAFE_INTEGER

  assert.deepEqual(gapsBetween([times(50, forever), times(10, 20)]), [
    { fromMs: least, toMs: 10 },
    { fromMs: 21, toMs: 50 },
  ])
  assert.deepEqual(gapsBetween([times(10, 20), times(21, 30)]), [{ fromMs: least, toMs: 10 }])
  assert.deepEqual(gapsBetween([times(10, 90), times(20, 30), times(95, 96)]), [
    { fromMs: least, toMs: 10 },
    { fromMs: 91, toMs: 95 },
  ])
  assert.deepEqual(gapsBetween([]), [])
})

test('a moment is in a gap where no kept time has it and one that is newer exists', () => {
  const kept = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 40 }), fc.nat(10)).map(([from, width]) => times(from, from + width)),
    { minLength: 1 },
  )
  fc.assert(
    fc.property(kept, fc.integer({ min: -5, max: 60 }), (all, at) => {
      const inGap = gapsBetween(all).some(({ fromMs, toMs }) => at >= fromMs && at < toMs)
      const isKept = all.some(({ fromMs, toMs }) => at >= fromMs && at <= toMs)
      const isNewest = all.every(({ toMs }) => at > toMs)
      assert.equal(inGap, !isKept && !isNewest)
    }),
  )
})
