import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kuairandCounters } from '../../../../models/presets/kuairand.ts'
import type { SlateExamples } from '../../../../models/spec/slate.ts'
import { kuairandEventCount, kuairandEvents } from '../../../../pipelines/datasets/kuairand/events.ts'
import { kuairandFrame } from '../../../../pipelines/datasets/kuairand/frame.ts'
import type { KuairandRow } from '../../../../pipelines/datasets/kuairand/tables.ts'
import { validateEvent } from '../../../../pipelines/ingest/events.ts'
import { join } from '../../../../pipelines/join/join.ts'
import { pending } from '../../join/events.ts'
import { createMemoryJoinStore } from '../../join/memory-store.ts'
import { examplesOf } from '../../ranking/memory-knowledge.ts'
import { firstRows, readSample } from './sample.ts'

const row = (more: Partial<KuairandRow>): KuairandRow => ({
  ...{ userId: 'u', itemId: 'a', atMs: 1_000, date: 20_220_408, hour: '8', durationMs: 500, kinds: [] },
  ...more,
})
const eventsOf = (rows: readonly KuairandRow[]) => [
  ...kuairandEvents({ rows, users: new Map([['u', { age: 3 }]]), videos: new Map([['a', { type: 'NORMAL' }]]) }),
]

test('rows of one user and moment are a slate and its feedback; another user or moment is another slate', () => {
  const rows = [
    row({ kinds: ['click', 'like'] }),
    row({ itemId: 'b' }),
    row({ userId: 'v', itemId: 'c' }),
    row({ atMs: 2_000 }),
  ]

  const shown = eventsOf(rows).filter(({ type }) => type === 'slate' || type === 'feedback')

  const occurredAt = '1970-01-01T00:00:01.000Z'
  const features = { durationMs: 500, durationIsZero: 0 }
  const first = { occurredAt, slateId: 'kuairand-1', userId: 'u' }
  assert.deepEqual(shown.slice(0, 3), [
    {
      ...{ type: 'slate', eventId: 'kuairand-1-slate', ...first, context: { hour: '8' } },
      items: ['a', 'b'].map((itemId) => ({ itemId, features })),
    },
    { type: 'feedback', eventId: 'kuairand-1-a-click', ...first, itemId: 'a', kind: 'click' },
    { type: 'feedback', eventId: 'kuairand-1-a-like', ...first, itemId: 'a', kind: 'like' },
  ])
  assert.deepEqual(
    shown.slice(3).map(({ eventId, occurredAt: at }) => [eventId, at]),
    [
      ['kuairand-2-slate', occurredAt],
      ['kuairand-3-slate', '1970-01-01T00:00:02.000Z'],
    ],
  )
})

test('a video that stands twice at one moment starts a slate of its own', () => {
  const slates = eventsOf([row({}), row({ itemId: 'b' }), row({})]).flatMap((event) =>
    event.type === 'slate' ? [event.items.map(({ itemId }) => itemId)] : [],
  )

  assert.deepEqual(slates, [['a', 'b'], ['a']])
})

test('the catalogue has what is known of a video, and the first duration that the log has of it', () => {
  const rows = [
    row({ durationMs: 0 }),
    row({ durationMs: 700 }),
    row({ durationMs: 900 }),
    row({ itemId: 'b', durationMs: 0 }),
  ]

  const catalog = eventsOf(rows).flatMap((event) =>
    event.type === 'item' || event.type === 'user' ? [[event.eventId, event.occurredAt, event.features]] : [],
  )

  const start = '1970-01-01T00:00:01.000Z'
  assert.deepEqual(catalog, [
    ['kuairand-user-u', start, { age: 3 }],
    ['kuairand-item-a', start, { type: 'NORMAL', durationMs: 700, durationIsZero: 0 }],
    ['kuairand-item-b', start, {}],
  ])
})

const tables = readSample()
const part = firstRows(tables, 3_000)
const events = [...kuairandEvents(part)]

test('every event is one that the service takes', () => {
  for (const event of events) {
    const validated = validateEvent(JSON.parse(JSON.stringify(event)), Date.parse('2022-06-01T00:00:00Z'))
    assert.ok(validated.ok, JSON.stringify(validated))
  }
})

test('there are as many events as are announced, in time order, and no id comes twice', () => {
  assert.equal(events.length, kuairandEventCount(part))
  let count = 0
  for (const _ of kuairandEvents(tables)) count++
  assert.equal(count, kuairandEventCount(tables))
  const times = events.map(({ occurredAt }) => Date.parse(occurredAt))
  assert.ok(times.every((ms, i) => i === 0 || ms >= times[i - 1]!))
  assert.equal(new Set(events.map(({ eventId }) => eventId)).size, events.length)
})

test('reading the sample again gives the same events, so that loading twice is loading once', () => {
  assert.deepEqual([...kuairandEvents(firstRows(readSample(), 3_000))], events)
})

test('each user and each video of the log is in the catalogue once, before anything is shown', () => {
  const kinds = events.map(({ type }) => type)
  const firstSlate = kinds.indexOf('slate')

  assert.ok(kinds.slice(firstSlate).every((type) => type === 'slate' || type === 'feedback'))
  const itemIds = events.flatMap((event) => (event.type === 'item' ? [event.itemId] : []))
  assert.deepEqual([...new Set(itemIds)].sort(), [...new Set(part.rows.map(({ itemId }) => itemId))].sort())
  assert.equal(itemIds.length, new Set(itemIds).size)
  assert.equal(kinds.filter((type) => type === 'user').length, tables.users.size)
})

/** One line an example, whatever slate it stands in. */
const linesOf = (slates: readonly SlateExamples[]): string[] =>
  slates
    .flatMap(({ input: { candidates, history: _, ...shared }, impressions }) =>
      impressions.map(({ candidate, feedback }) => {
        const kinds = feedback.map(({ kind, value, occurredAtMs }) => `${kind} ${value} ${occurredAtMs}`).sort()
        const { features, ...item } = candidates[candidate]!
        return JSON.stringify([
          ...[shared.userId, shared.occurredAtMs, item.itemId, kinds, shared.context, sorted(shared.user)],
          ...[sorted(features), shared.userTally, item.tally].map(sorted),
        ])
      }),
    )
    .sort()
const sorted = (value: unknown): unknown =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? Object.entries(value)
        .map(([key, inner]) => [key, sorted(inner)])
        .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
    : value

test('events that were joined are the examples of the frame, with the same features and counts', async () => {
  const memory = createMemoryJoinStore()
  const named = events.map((event) => (event.type === 'slate' ? { ...event, ranker: 'home' } : event))
  memory.add('kuairand', pending(named), Number.MAX_SAFE_INTEGER)

  await join({ store: memory.store, rankers: [kuairandCounters], latenessMs: 0, nowMs: () => 0 })

  const lines = linesOf(examplesOf(memory.state(), 'home'))
  assert.equal(lines.length, part.rows.length)
  assert.deepEqual(lines, linesOf(kuairandFrame(part).slates))
})
