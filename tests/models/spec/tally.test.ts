import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Tally } from '../../../models/spec/slate.ts'
import {
  addFeedback,
  addImpression,
  dayOf,
  emptyTally,
  keptDays,
  mergeTallies,
  ofKind,
  sameTally,
} from '../../../models/spec/tally.ts'

const dayMs = 86_400_000
const at = (day: number, hour = 0) => day * dayMs + hour * 3_600_000

interface Happening {
  readonly atMs: number
  /** None for an impression. */
  readonly kind: string | null
}
const tallyOf = (happenings: readonly Happening[], byDay = true): Tally =>
  happenings.reduce(
    (tally, { atMs, kind }) =>
      kind === null ? addImpression(tally, atMs, byDay) : addFeedback(tally, kind, atMs, byDay),
    emptyTally,
  )
const happening: fc.Arbitrary<Happening> = fc.record({
  atMs: fc.integer({ min: at(100), max: at(160) }),
  kind: fc.constantFrom(null, null, 'click', 'buy', 'constructor'),
})

test('a day begins at midnight UTC, before 1970 too', () => {
  assert.equal(dayOf(0), 0)
  assert.equal(dayOf(dayMs - 1), 0)
  assert.equal(dayOf(dayMs), 1)
  assert.equal(dayOf(-1), -1)
})

test('impressions and feedback are counted in all and by day', () => {
  const tally = tallyOf([
    { atMs: at(5, 1), kind: null },
    { atMs: at(5, 2), kind: 'click' },
    { atMs: at(6), kind: null },
    { atMs: at(6, 1), kind: 'click' },
    { atMs: at(6, 2), kind: 'buy' },
  ])

  assert.deepEqual(tally, {
    impressions: 2,
    feedback: { click: 2, buy: 1 },
    lastImpressionAtMs: at(6),
    days: [
      { day: 5, impressions: 1, feedback: { click: 1 } },
      { day: 6, impressions: 1, feedback: { click: 1, buy: 1 } },
    ],
  })
})

test('without windows no days are kept', () => {
  const tally = tallyOf(
    [
      { atMs: at(5), kind: null },
      { atMs: at(5), kind: 'click' },
    ],
    false,
  )

  assert.deepEqual(tally, { impressions: 1, feedback: { click: 1 }, lastImpressionAtMs: at(5) })
})

test('feedback is no impression: the last impression stays where it was', () => {
  assert.equal(addFeedback(emptyTally, 'click', at(9), false).lastImpressionAtMs, null)
  assert.equal(addFeedback(addImpression(emptyTally, at(3), false), 'click', at(9), false).lastImpressionAtMs, at(3))
})

test('a late event joins its own day, and the last impression stays the latest', () => {
  const tally = tallyOf([
    { atMs: at(8), kind: null },
    { atMs: at(6), kind: null },
    { atMs: at(7), kind: 'click' },
    { atMs: at(6), kind: 'click' },
  ])

  assert.equal(tally.lastImpressionAtMs, at(8))
  assert.deepEqual(
    tally.days?.map(({ day, impressions }) => [day, impressions]),
    [
      [6, 1],
      [7, 0],
      [8, 1],
    ],
  )
  assert.equal(tally.days?.[0]?.feedback.click, 1)
})

test('as many days are kept as the longest window has, ending with the newest', () => {
  const oldest = { atMs: at(100), kind: null }
  const daysAfter = (days: number) =>
    tallyOf([oldest, { atMs: at(100 + days), kind: 'click' }]).days!.map(({ day }) => day)

  assert.deepEqual(daysAfter(keptDays - 1), [100, 100 + keptDays - 1])
  assert.deepEqual(daysAfter(keptDays), [100 + keptDays])
})

test('an event too late for any window still counts in all', () => {
  const tally = tallyOf([
    { atMs: at(200), kind: null },
    { atMs: at(100), kind: null },
    { atMs: at(100), kind: 'click' },
  ])

  assert.deepEqual(tally, {
    impressions: 2,
    feedback: { click: 1 },
    lastImpressionAtMs: at(200),
    days: [{ day: 200, impressions: 1, feedback: {} }],
  })
})

test('a tally equals the counts of what happened, in whatever order it came', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 40 }), (happenings) => {
      const tally = tallyOf(happenings)
      const count = (kind: string | null, day?: number) =>
        happenings.filter((each) => each.kind === kind && (day === undefined || dayOf(each.atMs) === day)).length
      const newest = Math.max(...happenings.map(({ atMs }) => dayOf(atMs)))
      const days = [...new Set(happenings.map(({ atMs }) => dayOf(atMs)))]
        .filter((day) => day > newest - keptDays)
        .sort((a, b) => a - b)
      assert.equal(tally.impressions, count(null))
      for (const kind of ['click', 'buy', 'constructor']) assert.equal(ofKind(tally.feedback, kind), count(kind))
      assert.deepEqual(
        (tally.days ?? []).map(({ day }) => day),
        days,
      )
      for (const { day, impressions, feedback } of tally.days ?? []) {
        assert.equal(impressions, count(null, day))
        assert.equal(ofKind(feedback, 'click'), count('click', day))
      }
    }),
  )
})

test('a kind may bear the name of what every object has', () => {
  for (const kind of ['constructor', 'toString', '__proto__']) {
    assert.equal(ofKind(emptyTally.feedback, kind), 0)
    const tally = addFeedback(addFeedback(emptyTally, kind, at(1), true), kind, at(1), true)

    assert.equal(ofKind(tally.feedback, kind), 2)
    assert.equal(ofKind(tally.days![0]!.feedback, kind), 2)
    assert.equal(JSON.stringify(tally.feedback), `{"${kind}":2}`)
  }
})

test('counting leaves the tally it started from as it was', () => {
  const before = tallyOf([
    { atMs: at(5), kind: null },
    { atMs: at(5), kind: 'click' },
  ])
  const copy = structuredClone(before)

  addImpression(addFeedback(before, 'click', at(5), true), at(6), true)

  assert.deepEqual(before, copy)
})

test('two tallies merged count what both counted, day by day', () => {
  const [a, b] = [
    [
      { atMs: at(5), kind: null },
      { atMs: at(6), kind: 'click' },
    ],
    [
      { atMs: at(6), kind: 'click' },
      { atMs: at(7), kind: null },
      { atMs: at(7), kind: 'buy' },
    ],
  ].map((happenings) => tallyOf(happenings))

  assert.deepEqual(mergeTallies(a!, b!), {
    impressions: 2,
    feedback: { click: 2, buy: 1 },
    lastImpressionAtMs: at(7),
    days: [
      { day: 5, impressions: 1, feedback: {} },
      { day: 6, impressions: 0, feedback: { click: 2 } },
      { day: 7, impressions: 1, feedback: { buy: 1 } },
    ],
  })
})

test('days are kept up to the longest window before the newest of either tally', () => {
  const [old, young] = [100, 100 + keptDays].map((day) => tallyOf([{ atMs: at(day), kind: null }]))

  assert.deepEqual(
    mergeTallies(old!, young!).days?.map(({ day }) => day),
    [100 + keptDays],
  )
  assert.equal(mergeTallies(old!, young!).impressions, 2)
})

test('it does not matter how tallies are merged: what came together counts as if one had counted it', () => {
  const some = fc.array(happening, { maxLength: 20 })
  fc.assert(
    fc.property(some, some, some, fc.boolean(), (first, second, third, byDay) => {
      const [a, b, c] = [first, second, third].map((happenings) => tallyOf(happenings, byDay))

      assert.deepEqual(mergeTallies(a!, b!), mergeTallies(b!, a!))
      assert.deepEqual(mergeTallies(mergeTallies(a!, b!), c!), mergeTallies(a!, mergeTallies(b!, c!)))
      assert.deepEqual(mergeTallies(a!, emptyTally), a)
      assert.deepEqual(mergeTallies(emptyTally, a!), a)
      assert.deepEqual(mergeTallies(a!, b!), tallyOf([...first, ...second], byDay))
    }),
  )
})

test('tallies are the same when they count the same, whatever the order of kinds, and none is as good as an empty one', () => {
  const [click, buy] = ['click', 'buy'].map((kind) => ({ atMs: at(5), kind }))
  const tally = tallyOf([click!, buy!, { atMs: at(6), kind: null }])

  assert.ok(sameTally(tally, tallyOf([buy!, click!, { atMs: at(6), kind: null }])))
  assert.ok(sameTally(null, emptyTally) && sameTally(null, null))
  const others = [
    null,
    { ...tally, impressions: 2 },
    { ...tally, lastImpressionAtMs: null },
    { ...tally, feedback: { click: 1 } },
    { ...tally, feedback: { ...tally.feedback, share: 1 } },
    { ...tally, days: tally.days!.slice(1) },
    { ...tally, days: [{ ...tally.days![0]!, impressions: 3 }, tally.days![1]!] },
    { ...tally, days: [{ ...tally.days![0]!, feedback: {} }, tally.days![1]!] },
    { ...tally, days: [{ ...tally.days![0]!, day: 4 }, tally.days![1]!] },
  ]
  for (const other of others) assert.ok(!sameTally(tally, other) && !sameTally(other, tally), JSON.stringify(other))
})
