import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ImpressionPolicy } from '../../../models/spec/ranker.ts'
import type { LatePolicy } from '../../../pipelines/ingest/event-settings.ts'
import type { Event } from '../../../pipelines/ingest/events.ts'
import { liveClock } from '../../../pipelines/join/clocks.ts'
import { fold, type Keeps } from '../../../pipelines/join/fold.ts'
import type { FoldInput, FoldOutput } from '../../../pipelines/join/ports.ts'
import { feedbackAt, impressionAt, pending, slateAt } from './events.ts'
import { keepAll, keepLeast } from './rankers.ts'

const nothing: FoldInput = { slates: [], examples: [], orphans: [], tallies: [], catalog: [], historyEnds: [] }
interface Given {
  readonly policy?: ImpressionPolicy
  readonly keeps?: Keeps
  readonly joinedToMs?: number
  readonly late?: LatePolicy
  readonly input?: Partial<FoldInput>
}
const folded = (events: readonly Event[], given: Given = {}): FoldOutput =>
  fold(
    pending(events),
    { ...nothing, ...given.input },
    {
      clock: liveClock,
      joinedTo: new Map([[liveClock, given.joinedToMs ?? 0]]),
      late: given.late ?? 'amend',
      policies: { home: given.policy ?? 'explicit' },
      families: {},
      keeps: given.keeps ?? keepLeast,
    },
  ).output
/** A slate as polyrank ranked it. */
const rankedAt = (ms: number, slateId: string, itemIds: readonly string[], limit = itemIds.length) =>
  slateAt(ms, slateId, itemIds, { modelVersion: 'm1', limit })
const clickOn = (itemId: string, ms: number, slateId = 's') => feedbackAt(ms, itemId, 'click', { slateId })
const examplesOf = ({ examples }: FoldOutput) =>
  examples.map(({ itemId, position, feedback }) => [itemId, position, feedback.map(({ kind }) => kind)])
const tallyOf = ({ tallies }: FoldOutput, scope: string, key: string) =>
  tallies.find((each) => each.scope === scope && each.key === key)?.tally

test('a ranked slate under `explicit` gives an example for each item of an impression, and no other', () => {
  const output = folded([
    rankedAt(10, 's', ['a', 'b', 'c']),
    impressionAt(20, 's', 'c', 'a', 'unknown'),
    clickOn('a', 30),
    clickOn('b', 30),
  ])

  assert.deepEqual(examplesOf(output), [
    ['c', 2, []],
    ['a', 0, ['click']],
  ])
  assert.deepEqual(
    output.orphans.map(({ eventId }) => eventId),
    ['feedback b click 30'],
  )
})

test('a ranked slate under `top` gives its first `limit` items, and impressions change nothing', () => {
  const output = folded([rankedAt(10, 's', ['a', 'b', 'c'], 2), impressionAt(20, 's', 'c'), clickOn('c', 30)], {
    policy: 'top',
  })

  assert.deepEqual(examplesOf(output), [
    ['a', 0, []],
    ['b', 1, []],
  ])
  assert.deepEqual(output.orphans, [])
})

test('a ranked slate under `until-last-feedback` gives all down to the lowest item with feedback', () => {
  const events = [rankedAt(10, 's', ['a', 'b', 'c', 'd'], 1), impressionAt(15, 's', 'd')]

  assert.deepEqual(examplesOf(folded(events, { policy: 'until-last-feedback' })), [])
  assert.deepEqual(
    examplesOf(folded([...events, clickOn('b', 20), clickOn('c', 30)], { policy: 'until-last-feedback' })),
    [
      ['a', 0, []],
      ['b', 1, ['click']],
      ['c', 2, ['click']],
    ],
  )
})

test('a list that the caller logged was shown, its first `limit` items, whatever the policy', () => {
  for (const policy of ['explicit', 'top', 'until-last-feedback'] as const) {
    const [all, two, none] = [undefined, 2, 0].map((limit) =>
      examplesOf(folded([slateAt(10, 's', ['a', 'b', 'c'], limit === undefined ? {} : { limit })], { policy })),
    )

    const firstTwo = [
      ['a', 0, []],
      ['b', 1, []],
    ]
    assert.deepEqual(all, [...firstTwo, ['c', 2, []]])
    assert.deepEqual(two, firstTwo)
    assert.deepEqual(none, [])
  }
})

test('an item shown or named twice is one example, at its first position, and one impression', () => {
  const logged = folded([slateAt(10, 's', ['a', 'b', 'a']), impressionAt(20, 's', 'a')])
  const ranked = folded([rankedAt(10, 's', ['a', 'b']), impressionAt(20, 's', 'b', 'b'), impressionAt(30, 's', 'b')])

  assert.deepEqual(examplesOf(logged), [
    ['a', 0, []],
    ['b', 1, []],
  ])
  assert.equal(tallyOf(logged, 'item', 'a')?.impressions, 1)
  assert.equal(tallyOf(ranked, 'item', 'b')?.impressions, 1)
})

test('the first slate of an id counts, and another under it changes nothing', () => {
  const output = folded([slateAt(10, 's', ['a']), slateAt(20, 's', ['b'], { userId: 'v' })])

  assert.deepEqual(
    output.slates.map(({ userId, occurredAtMs }) => [userId, occurredAtMs]),
    [['u', 10]],
  )
  assert.deepEqual(examplesOf(output), [['a', 0, []]])
})

test('feedback has its kind, value and moment, in the order of time, kind and value, whenever it came', () => {
  const events = [
    feedbackAt(20, 'a', 'play', { slateId: 's', value: 0 }),
    clickOn('a', 20),
    feedbackAt(20, 'a', 'play', { slateId: 's', value: -1, eventId: 'lower' }),
    feedbackAt(19, 'a', 'play', { slateId: 's' }),
  ]

  for (const order of [events, events.toReversed()]) {
    assert.deepEqual(folded([slateAt(10, 's', ['a']), ...order]).examples[0]!.feedback, [
      { kind: 'play', value: null, occurredAtMs: 19 },
      { kind: 'click', value: null, occurredAtMs: 20 },
      { kind: 'play', value: -1, occurredAtMs: 20 },
      { kind: 'play', value: 0, occurredAtMs: 20 },
    ])
  }
})

test('feedback on no item of its slate is counted, and neither joined nor kept waiting', () => {
  const output = folded([slateAt(10, 's', ['a']), clickOn('z', 20)])

  assert.deepEqual(examplesOf(output), [['a', 0, []]])
  assert.deepEqual(output.orphans, [])
  assert.equal(tallyOf(output, 'item', 'z')?.feedback.click, 1)
})

test('what comes before its slate waits for it: impressions let feedback in, whichever came first', () => {
  const output = folded([clickOn('a', 5), impressionAt(6, 's', 'a'), clickOn('a', 7), rankedAt(10, 's', ['a', 'b'])])

  assert.deepEqual(examplesOf(output), [['a', 0, ['click', 'click']]])
  assert.deepEqual(
    output.examples[0]!.feedback.map(({ occurredAtMs }) => occurredAtMs),
    [5, 7],
  )
  assert.deepEqual([output.orphans, output.adopted], [[], []])
})

test('feedback before its impression waits for it, and for a slate that never comes it waits on', () => {
  const output = folded([
    rankedAt(10, 's', ['a']),
    clickOn('a', 20),
    impressionAt(30, 's', 'a'),
    clickOn('x', 40, 'lost'),
  ])

  assert.deepEqual(examplesOf(output), [['a', 0, ['click']]])
  assert.deepEqual(output.orphans, [{ slateId: 'lost', eventId: 'feedback x click 40' }])
})

test('what waits from an earlier batch is adopted when what it waits for comes, and stays where it does not', () => {
  const [click, other] = [clickOn('a', 5), clickOn('b', 6)]
  const seen = impressionAt(7, 's', 'a')

  const output = folded([rankedAt(10, 's', ['a', 'b'])], { input: { orphans: pending([click, other, seen]) } })

  assert.deepEqual(examplesOf(output), [['a', 0, ['click']]])
  assert.deepEqual(output.adopted, [
    { slateId: 's', eventId: seen.eventId },
    { slateId: 's', eventId: click.eventId },
  ])
  assert.deepEqual(output.orphans, [])
})

test('a batch goes on with the examples of an earlier one', () => {
  const before = folded([rankedAt(10, 's', ['a', 'b']), impressionAt(20, 's', 'a')])
  const input = { slates: before.slates, examples: before.examples, tallies: before.tallies }

  const output = folded([clickOn('a', 30), impressionAt(40, 's', 'a', 'b')], { input })

  assert.deepEqual(output.slates, [])
  assert.deepEqual(examplesOf(output), [
    ['a', 0, ['click']],
    ['b', 1, []],
  ])
  assert.equal(tallyOf(output, 'user', 'u')?.impressions, 2)
})

test('a ranker that is configured no more lets nothing new in, and feedback on its slates waits for nothing', () => {
  const output = folded([{ ...rankedAt(10, 's', ['a']), ranker: 'gone' }, impressionAt(20, 's', 'a'), clickOn('a', 30)])

  assert.equal(output.slates.length, 1)
  assert.deepEqual([output.examples, output.orphans], [[], []])
})

test('what no ranker looks at is not kept', () => {
  const events = [slateAt(10, 's', ['a']), clickOn('a', 20)]
  const [all, least] = [folded(events, { keeps: keepAll }), folded(events, { keeps: keepLeast })]

  assert.deepEqual(
    all.tallies.map(({ scope }) => scope),
    ['user', 'item', 'user-item'],
  )
  assert.deepEqual(
    least.tallies.map(({ scope }) => scope),
    ['user', 'item'],
  )
  assert.deepEqual([all.history.length, least.history.length], [1, 0])
  assert.deepEqual([tallyOf(all, 'user', 'u')?.days?.length, tallyOf(least, 'user', 'u')?.days], [1, undefined])
})
