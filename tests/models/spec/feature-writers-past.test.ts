import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CountersFeature, FeatureSpec, HistoryFeature } from '../../../models/spec/features.ts'
import type { HistoryItem, Tally } from '../../../models/spec/slate.ts'
import { dayMs, encodeOne, inputOf, itemOf, now, placeOf, rankerOf, statistics } from './rankers.ts'

const [ln, float32] = [Math.log, Math.fround]
const today = Math.floor(now / dayMs)

const counters = (of: CountersFeature['of'], more: Partial<CountersFeature> = {}): FeatureSpec => ({
  kind: 'counters',
  name: 'c',
  of,
  feedback: ['click', 'buy'],
  ...more,
})
const tally: Tally = { impressions: 9, feedback: { click: 4, like: 99 }, lastImpressionAtMs: now - 5000 }
/** What counters of an item read a tally as. */
function countersOf(given: Tally | null, more: Partial<CountersFeature> = {}): readonly number[] {
  const candidates = [{ ...itemOf('i1'), tally: given }]
  const { numbers, present } = placeOf(
    encodeOne(rankerOf(counters('item', more)), inputOf({ candidates })).candidate,
    1,
    0,
  )
  assert.deepEqual(present, Array(numbers.length).fill(1))
  return numbers
}

test('counters are the logarithm of counts, rates smoothed by the prior, and the time since the last impression', () => {
  // The priors are 0.1 for clicks and 0.02 for buys, worth 5 impressions.
  const expected = [ln(10), ln(5), (4 + 5 * 0.1) / (9 + 5), ln(1), (0 + 5 * 0.02) / (9 + 5), ln(1 + 5)]

  assert.deepEqual(countersOf(tally), expected.map(float32))
})

test('without anything before, rates are their priors and the gap is -1', () => {
  const expected = [0, 0, 0.1, 0, 0.02, -1].map(float32)

  assert.deepEqual(countersOf(null), expected)
  assert.deepEqual(countersOf({ impressions: 0, feedback: {}, lastImpressionAtMs: null }), expected)
})

test('the strength of the prior is as many impressions as the definition says', () => {
  assert.equal(countersOf(tally, { strength: 20 })[2], float32((4 + 20 * 0.1) / (9 + 20)))
})

test('a kind that training has no rate of has a prior of 0', () => {
  assert.deepEqual(countersOf(tally, { feedback: ['like'] }).slice(1, 3), [ln(100), 99 / 14].map(float32))
})

test('an impression that is not before the request is no negative time ago', () => {
  assert.equal(countersOf({ ...tally, lastImpressionAtMs: now + 9000 }).at(-1), 0)
})

test('a kind that is named like what every object has counts as nothing until it happens', () => {
  assert.deepEqual(countersOf(tally, { feedback: ['constructor'] }).slice(1, 3), [0, 0])
  assert.deepEqual(countersOf(tally, { feedback: ['toString'], windowDays: 3 }).slice(1, 3), [0, 0])
})

test('a window counts its last days, today being the first, and the gap looks back further', () => {
  const windowed: Tally = {
    impressions: 100,
    feedback: { click: 50, buy: 9 },
    lastImpressionAtMs: now - 3000,
    days: [
      { day: today - 2, impressions: 40, feedback: { click: 30 } },
      { day: today - 1, impressions: 3, feedback: { click: 2 } },
      { day: today, impressions: 1, feedback: { click: 1, buy: 1 } },
    ],
  }
  const expected = (impressions: number, clicks: number, buys: number) =>
    [
      ln(1 + impressions),
      ...[ln(1 + clicks), (clicks + 0.5) / (impressions + 5)],
      ...[ln(1 + buys), (buys + 0.1) / (impressions + 5)],
      ln(1 + 3),
    ].map(float32)

  assert.deepEqual(countersOf(windowed, { windowDays: 1 }), expected(1, 1, 1))
  assert.deepEqual(countersOf(windowed, { windowDays: 2 }), expected(4, 3, 1))
  assert.deepEqual(countersOf(windowed, { windowDays: 3 }), expected(44, 33, 1))
  assert.deepEqual(countersOf(windowed), expected(100, 50, 9))
})

test('a tally without days has nothing in a window', () => {
  assert.deepEqual(countersOf(tally, { windowDays: 7 }).slice(0, 3), [0, 0, float32(0.1)])
})

test('counters of users, items and both read the tally of each', () => {
  const of = (impressions: number): Tally => ({ impressions, feedback: {}, lastImpressionAtMs: null })
  const ranker = rankerOf(
    { ...counters('user', { feedback: [] }), name: 'user' },
    { ...counters('item', { feedback: [] }), name: 'item' },
    { ...counters('user-item', { feedback: [] }), name: 'pair' },
  )
  const candidates = [
    { ...itemOf('i1'), tally: of(1), userItemTally: of(2) },
    { ...itemOf('i2'), tally: null, userItemTally: of(3) },
  ]

  const { request, candidate } = encodeOne(ranker, inputOf({ userTally: of(4), candidates }))

  assert.deepEqual([...request.numbers], [ln(5), -1].map(float32))
  assert.deepEqual([...candidate.numbers], [ln(2), -1, ln(3), -1, 0, -1, ln(4), -1].map(float32))
})

const itemId: FeatureSpec = {
  kind: 'categorical',
  name: 'itemId',
  scope: 'item',
  rows: { vocabulary: ['i1', 'i2', 'i3', 'i4'] },
}
const genre: FeatureSpec = {
  kind: 'categorical',
  name: 'genre',
  field: 'category',
  scope: 'item',
  rows: { vocabulary: ['drama', 'comedy'] },
}
const past = (id: string, kind = 'click', category?: string): HistoryItem => ({
  itemId: id,
  occurredAtMs: now - 1000,
  kind,
  features: category === undefined ? {} : { category },
})
function historyOf(history: readonly HistoryItem[], more: Partial<HistoryFeature> = {}) {
  const feature: FeatureSpec = { kind: 'history', name: 'past', length: 3, items: ['itemId'], ...more }
  const { rows, weights } = placeOf(
    encodeOne(rankerOf(itemId, genre, feature), inputOf({ history }), statistics).request,
    1,
    0,
  )
  return { rows, weights }
}
// Items have rows 1 to 4 and 5 for missing; genres 6 and 7, and 8 for missing.

test('a history has the rows of its items, oldest first, each weighing one over their count', () => {
  assert.deepEqual(historyOf([past('i2'), past('i4')]), { rows: [2, 4, 0], weights: [0.5, 0.5, 0] })
})

test('a history longer than its length keeps the newest', () => {
  const { rows, weights } = historyOf(['i1', 'i2', 'i3', 'i4'].map((id) => past(id)))

  assert.deepEqual(rows, [2, 3, 4])
  assert.deepEqual(weights, Array(3).fill(float32(1 / 3)))
})

test('a history without items is padding', () => {
  assert.deepEqual(historyOf([]), { rows: [0, 0, 0], weights: [0, 0, 0] })
})

test('a history of certain feedback passes over other kinds before it counts its length', () => {
  const history = [past('i1', 'buy'), past('i2', 'click'), past('i3', 'buy'), past('i4', 'like')]

  assert.deepEqual(historyOf(history, { feedback: ['buy'], length: 2 }), { rows: [1, 3], weights: [0.5, 0.5] })
  assert.deepEqual(historyOf(history, { feedback: ['buy', 'like'], length: 2 }).rows, [3, 4])
  assert.deepEqual(historyOf(history, { feedback: [] }).rows, [0, 0, 0])
})

test('a history sees its items through each of its features, in the rows that candidates have', () => {
  const history = [past('i1', 'click', 'comedy'), past('i2')]

  assert.deepEqual(historyOf(history, { items: ['itemId', 'genre'] }), {
    rows: [1, 2, 0, 7, 8, 0],
    weights: [0.5, 0.5, 0, 0.5, 0.5, 0],
  })
})

test('an unknown item in a history reads as zero and keeps its weight', () => {
  assert.deepEqual(historyOf([past('new'), past('i1')]), { rows: [0, 1, 0], weights: [0.5, 0.5, 0] })
})
