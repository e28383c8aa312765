import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../../../pipelines/ingest/events.ts'
import { liveClock } from '../../../pipelines/join/clocks.ts'
import { fold } from '../../../pipelines/join/fold.ts'
import type { FoldInput, FoldOutput } from '../../../pipelines/join/ports.ts'
import { feedbackAt, impressionAt, pending, slateAt } from './events.ts'
import { keepAll } from './rankers.ts'

const nothing: FoldInput = { slates: [], examples: [], orphans: [], tallies: [], catalog: [], historyEnds: [] }
const folded = (events: readonly Event[], input: Partial<FoldInput> = {}, joinedToMs = 0): FoldOutput =>
  fold(
    pending(events),
    { ...nothing, ...input },
    {
      clock: liveClock,
      joinedTo: new Map([[liveClock, joinedToMs]]),
      late: 'amend',
      policies: { home: 'explicit' },
      families: {},
      keeps: keepAll,
    },
  ).output
const slateOf = ({ slates }: FoldOutput, slateId: string) => slates.find((slate) => slate.slateId === slateId)!
const dayMs = 86_400_000

test('a slate sees what happened strictly before it, and nothing of its own moment', () => {
  const output = folded([
    slateAt(10, 's1', ['a']),
    feedbackAt(20, 'a', 'click', { slateId: 's1' }),
    slateAt(20, 's2', ['a', 'b']),
    feedbackAt(20, 'b', 'click'),
    slateAt(21, 's3', ['a', 'b']),
  ])

  const shownOnce = { impressions: 1, feedback: {}, lastImpressionAtMs: 10 }
  const [first, second, third] = ['s1', 's2', 's3'].map((slateId) => slateOf(output, slateId))
  assert.deepEqual([first!.userTally, first!.historyEnd], [null, 0])
  const { days: _, ...userTally } = second!.userTally!
  assert.deepEqual([userTally, second!.historyEnd], [shownOnce, 0])
  assert.deepEqual(
    second!.items.map(({ tally }) => tally?.impressions ?? null),
    [1, null],
  )
  assert.deepEqual([third!.userTally!.impressions, third!.userTally!.feedback.click, third!.historyEnd], [3, 2, 2])
  assert.deepEqual(
    third!.items.map(({ tally, userItemTally }) => [
      tally!.impressions,
      tally!.feedback.click,
      userItemTally!.impressions,
    ]),
    [
      [2, 1, 2],
      [1, 1, 1],
    ],
  )
})

test('an impression counts from when it is known, and is dated by its slate', () => {
  const output = folded([
    slateAt(10, 's1', ['a'], { modelVersion: 'm1' }),
    slateAt(30, 's2', ['a']),
    impressionAt(40, 's1', 'a'),
    slateAt(50, 's3', ['a']),
  ])

  assert.equal(slateOf(output, 's2').userTally, null)
  assert.deepEqual(
    [slateOf(output, 's3').userTally!.impressions, slateOf(output, 's3').userTally!.lastImpressionAtMs],
    [2, 30],
  )
})

test('counts are of the user, of the item whoever saw it, and of both together', () => {
  const output = folded([
    slateAt(10, 's1', ['a']),
    slateAt(11, 's2', ['a'], { userId: 'v' }),
    slateAt(20, 's3', ['a', 'b']),
  ])

  const { userTally, items } = slateOf(output, 's3')
  assert.equal(userTally!.impressions, 1)
  assert.deepEqual(
    items.map(({ tally, userItemTally }) => [tally?.impressions, userItemTally?.impressions]),
    [
      [2, 1],
      [undefined, undefined],
    ],
  )
})

test('counts by day hold thirty days, and leave the whole count as it is', () => {
  const output = folded([
    slateAt(0.5 * dayMs, 's1', ['a']),
    feedbackAt(1.5 * dayMs, 'a', 'click'),
    slateAt(30.5 * dayMs, 's2', ['a']),
    feedbackAt(30.6 * dayMs, 'a', 'click'),
  ])

  const { tally } = output.tallies.find(({ scope }) => scope === 'item')!
  assert.deepEqual(tally, {
    impressions: 2,
    feedback: { click: 2 },
    lastImpressionAtMs: 30.5 * dayMs,
    days: [
      { day: 1, impressions: 0, feedback: { click: 1 } },
      { day: 30, impressions: 1, feedback: { click: 1 } },
    ],
  })
})

const catalog: FoldInput['catalog'] = [
  { kind: 'item', id: 'a', occurredAtMs: 10, version: 1 },
  { kind: 'item', id: 'a', occurredAtMs: 20, version: 2 },
  { kind: 'item', id: 'a', occurredAtMs: 20, version: 3 },
  { kind: 'item', id: 'u', occurredAtMs: 5, version: 4 },
  { kind: 'user', id: 'u', occurredAtMs: 15, version: 5 },
]

test('a logged slate refers to the catalogue as it was at its moment', () => {
  const output = folded(
    [9, 10, 19, 20, 99].map((ms) => slateAt(ms, `s${ms}`, ['a'])),
    { catalog },
  )

  assert.deepEqual(
    output.slates.map(({ userVersion, items }) => [items[0]!.version, userVersion]),
    [
      [null, null],
      [1, null],
      [1, 5],
      [3, 5],
      [3, 5],
    ],
  )
})

test('a history entry refers to its item as it was then, and goes on from the sequence that is stored', () => {
  const output = folded(
    [5, 15, 25].map((ms) => feedbackAt(ms, 'a', 'click')),
    { catalog, historyEnds: [{ userId: 'u', sequence: 7 }] },
  )

  assert.deepEqual(
    output.history.map(({ sequence, itemVersion, kind, occurredAtMs }) => [sequence, itemVersion, kind, occurredAtMs]),
    [
      [8, null, 'click', 5],
      [9, 1, 'click', 15],
      [10, 3, 'click', 25],
    ],
  )
})

test('a ranked slate is kept exactly as it was served, whatever is known of its moment', () => {
  const tally = { impressions: 9, feedback: { click: 4 }, lastImpressionAtMs: 3 }
  const items = [{ itemId: 'a', features: { price: 2 }, version: 2, tally, userItemTally: null }, { itemId: 'b' }]
  const ranked = slateAt(30, 's', [], {
    ...{ items, modelVersion: 'm1', definitionHash: 'h1', userVersion: 1, userTally: tally, historyEnd: 3 },
    ...{ user: { age: 4 }, context: { hour: '8' } },
  })

  const output = folded([slateAt(10, 's0', ['a', 'b']), feedbackAt(20, 'a', 'click'), ranked], {
    catalog,
    historyEnds: [{ userId: 'u', sequence: 7 }],
  })

  assert.deepEqual(slateOf(output, 's'), {
    ...{ slateId: 's', source: 'rest', ranker: 'home', definitionHash: 'h1', modelVersion: 'm1', userId: 'u' },
    ...{ occurredAtMs: 30, context: { hour: '8' }, user: { age: 4 }, userVersion: 1, userTally: tally, historyEnd: 3 },
    items: [items[0], { itemId: 'b', version: null, tally: null, userItemTally: null }],
  })
})

test('a ranked slate that says nothing of its user saw nothing of the user', () => {
  const ranked = slateAt(30, 's', ['a'], { modelVersion: 'm1' })

  const { userVersion, userTally, historyEnd, definitionHash } = slateOf(
    folded([feedbackAt(20, 'a', 'click'), ranked], { catalog }),
    's',
  )

  assert.deepEqual([userVersion, userTally, historyEnd, definitionHash], [null, null, 0, null])
})

test('a late slate sees no counts, which have moved on, but the catalogue and the history of its moment', () => {
  const input: Partial<FoldInput> = {
    catalog,
    tallies: [
      { clock: liveClock, scope: 'user', key: 'u', tally: { impressions: 5, feedback: {}, lastImpressionAtMs: 90 } },
    ],
    historyEnds: [{ userId: 'u', sequence: 7 }],
  }
  const late = slateAt(50, 'late', ['a'])
  const sameMoment = slateAt(100, 'same', ['a'])
  const inTime = slateAt(101, 'in time', ['a'])

  const output = folded([late, sameMoment, inTime], input, 100)

  for (const slateId of ['late', 'same']) {
    const { userTally, historyEnd, items } = slateOf(output, slateId)
    assert.deepEqual([userTally, historyEnd, items[0]!.version], [null, 7, 3])
  }
  const { userTally, historyEnd } = slateOf(output, 'in time')
  assert.deepEqual([userTally!.impressions, historyEnd], [7, 7])
})

test('late events change counts, examples and history all the same', () => {
  const before = folded([slateAt(10, 's', ['a'])])
  const input = { slates: before.slates, examples: before.examples, tallies: before.tallies }

  const output = folded([feedbackAt(20, 'a', 'click', { slateId: 's' })], input, 100)

  assert.deepEqual(output.examples[0]!.feedback, [{ kind: 'click', value: null, occurredAtMs: 20 }])
  assert.equal(output.tallies.find(({ scope }) => scope === 'item')!.tally.feedback.click, 1)
  assert.equal(output.history.length, 1)
})
