import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type EventOutcome, ingest, liveSource, type RawRecord } from '../../../pipelines/ingest/ingest.ts'
import { createMemoryIngestStore } from './memory-store.ts'

const nowMs = Date.parse('2026-01-31T08:00:00Z')
const at = (ms: number) => new Date(nowMs - 3_600_000 + ms).toISOString()
const itemEvent = (eventId: string, itemId = 'i1', occurredAt = at(0)) => ({
  type: 'item',
  eventId,
  occurredAt,
  itemId,
})
const slateEvent = (eventId: string, ranker?: string) => ({
  type: 'slate',
  eventId,
  occurredAt: at(0),
  slateId: eventId,
  userId: 'u1',
  items: [{ itemId: 'i1' }],
  ...(ranker === undefined ? {} : { ranker }),
})

const record = (value: unknown, i: number): RawRecord => ({
  bytes: new TextEncoder().encode(JSON.stringify(value)),
  path: `/${i}`,
})
const contextOf = (
  memory: ReturnType<typeof createMemoryIngestStore>,
  { source = liveSource, rankers = ['home'] }: { source?: string; rankers?: readonly string[] } = {},
) => ({ store: memory.store, rankers, source, nowMs: () => nowMs })
const short = (outcomes: readonly EventOutcome[]) =>
  outcomes.map(({ eventId, outcome, code = '', path = '' }) => [eventId, outcome, code, path])

test('each record has its outcome, in order, whatever the others are', async () => {
  const memory = createMemoryIngestStore()
  const records = [itemEvent('a'), { ...itemEvent('b'), price: 1 }, 7, itemEvent('c'), itemEvent('a')].map(record)

  const outcomes = await ingest(records, contextOf(memory))

  assert.deepEqual(short(outcomes), [
    ['a', 'accepted', '', ''],
    ['b', 'quarantined', 'EVENT_FIELD_UNKNOWN', '/1/price'],
    [null, 'quarantined', 'EVENT_FIELD_INVALID', '/2'],
    ['c', 'accepted', '', ''],
    ['a', 'duplicate', '', ''],
  ])
  assert.match(outcomes[1]!.message!, /"price" is not known/)
  assert.deepEqual([...memory.contents().events.keys()], ['a', 'c'])
  assert.equal(memory.contents().events.get('a')!.receivedAtMs, nowMs)
})

test('no records are no outcomes', async () => {
  assert.deepEqual(await ingest([], contextOf(createMemoryIngestStore())), [])
})

test('a repeated event is a duplicate, though its keys come in another order or its ranker is now named', async () => {
  const memory = createMemoryIngestStore()
  await ingest([slateEvent('a')].map(record), contextOf(memory))

  const reversed = Object.fromEntries(Object.entries(slateEvent('a')).reverse())
  const outcomes = await ingest([reversed, slateEvent('a', 'home')].map(record), contextOf(memory))

  assert.deepEqual(short(outcomes), [
    ['a', 'duplicate', '', ''],
    ['a', 'duplicate', '', ''],
  ])
})

test('another event under an id that is taken is set aside, in the same batch and in a later one', async () => {
  const memory = createMemoryIngestStore()
  const batch = [itemEvent('a', 'i1'), itemEvent('a', 'i2'), itemEvent('a', 'i1')].map(record)

  assert.deepEqual(short(await ingest(batch, contextOf(memory))), [
    ['a', 'accepted', '', ''],
    ['a', 'quarantined', 'EVENT_ID_CONFLICT', '/1/eventId'],
    ['a', 'duplicate', '', ''],
  ])
  const later = [itemEvent('a', 'i3'), itemEvent('a', 'i3')].map(record)
  assert.deepEqual(short(await ingest(later, contextOf(memory))), [
    ['a', 'quarantined', 'EVENT_ID_CONFLICT', '/0/eventId'],
    ['a', 'quarantined', 'EVENT_ID_CONFLICT', '/1/eventId'],
  ])
  assert.deepEqual(
    memory.contents().letters.map(({ payload }) => JSON.parse(new TextDecoder().decode(payload)).itemId),
    ['i2', 'i3', 'i3'],
  )
})

test('what is set aside keeps its bytes, with the fault inside the record', async () => {
  const memory = createMemoryIngestStore()
  const unreadable = { bytes: Uint8Array.of(0x7b, 0xff, 0x00), path: '/0' }
  const cut = { bytes: new TextEncoder().encode('{"type": "item", "eventId": "a"'), path: '/1' }
  const broken = record({ ...itemEvent('b'), itemId: 'a\u0000' }, 2)

  const outcomes = await ingest([unreadable, cut, broken], contextOf(memory))

  assert.deepEqual(short(outcomes), [
    [null, 'quarantined', 'EVENT_JSON_INVALID', '/0'],
    [null, 'quarantined', 'EVENT_JSON_INVALID', '/1'],
    ['b', 'quarantined', 'EVENT_FIELD_INVALID', '/2/itemId'],
  ])
  assert.deepEqual(
    memory.contents().letters.map(({ eventId, payload, path, source }) => [eventId, payload, path, source]),
    [
      [null, unreadable.bytes, '', liveSource],
      [null, cut.bytes, '', liveSource],
      ['b', broken.bytes, '/itemId', liveSource],
    ],
  )
})

test('a slate gets the only ranker there is, and must name one where there are several', async () => {
  const one = createMemoryIngestStore()
  const several = createMemoryIngestStore()

  await ingest([slateEvent('a')].map(record), contextOf(one))
  const outcomes = await ingest(
    [slateEvent('b'), slateEvent('c', 'search'), slateEvent('d', 'cart'), itemEvent('e')].map(record),
    contextOf(several, { rankers: ['home', 'search'] }),
  )

  assert.deepEqual(one.contents().events.get('a')!.event, slateEvent('a', 'home'))
  assert.deepEqual(short(outcomes), [
    ['b', 'quarantined', 'EVENT_RANKER_UNKNOWN', '/0/ranker'],
    ['c', 'accepted', '', ''],
    ['d', 'quarantined', 'EVENT_RANKER_UNKNOWN', '/2/ranker'],
    ['e', 'accepted', '', ''],
  ])
  assert.match(outcomes[0]!.message!, /home, search/)
})

test('the clock of a backfill stands before its newest moment, which the next records may go on with', async () => {
  const memory = createMemoryIngestStore()
  const context = contextOf(memory, { source: 'import' })
  const clock = () => memory.contents().watermarks.get('import')! - (nowMs - 3_600_000)

  await ingest([itemEvent('a', 'i1', at(10)), itemEvent('b', 'i1', at(30)), 7].map(record), context)
  assert.equal(clock(), 29)
  await ingest([itemEvent('c', 'i1', at(20))].map(record), context)
  assert.equal(clock(), 29)
  await ingest([itemEvent('a', 'i2', at(90)), { ...itemEvent('d'), price: 1 }].map(record), context)
  assert.equal(clock(), 29)
  await ingest([itemEvent('e', 'i1', at(40))].map(record), context)
  assert.equal(clock(), 39)
})

test('live events move no clock', async () => {
  const memory = createMemoryIngestStore()

  await ingest([itemEvent('a')].map(record), contextOf(memory))

  assert.equal(memory.contents().watermarks.size, 0)
})

test('nothing is answered, and nothing kept, when the transaction breaks at any step', async () => {
  for (const step of ['accept', 'quarantine', 'advance', 'commit'] as const) {
    const memory = createMemoryIngestStore(step)

    const answer = ingest([itemEvent('a'), 7].map(record), contextOf(memory, { source: 'import' }))

    await assert.rejects(answer, { message: `broken at ${step}` })
    assert.equal(memory.contents().events.size + memory.contents().letters.length, 0)
  }
})

test('any bytes whatsoever get one outcome each, and only whole events are kept', async () => {
  const nearlyEvents = fc.record(
    {
      type: fc.constantFrom<unknown>('slate', 'impression', 'feedback', 'item', 'user', '__proto__', 7),
      eventId: fc.oneof(fc.constantFrom('a', 'b'), fc.jsonValue()),
      occurredAt: fc.oneof(fc.constant(at(0)), fc.string(), fc.integer()),
      slateId: fc.oneof(fc.constant('s'), fc.string({ unit: 'binary' })),
      userId: fc.oneof(fc.constant('u'), fc.jsonValue()),
      itemId: fc.oneof(fc.constant('i'), fc.string({ unit: 'binary' })),
      itemIds: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
      items: fc.oneof(fc.array(fc.record({ itemId: fc.string(), features: fc.jsonValue() })), fc.jsonValue()),
      features: fc.oneof(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), fc.jsonValue()),
      kind: fc.string(),
      value: fc.oneof(fc.double(), fc.jsonValue()),
    },
    { requiredKeys: [] },
  )
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc.json().map((text) => new TextEncoder().encode(text)),
    nearlyEvents.map((value) => new TextEncoder().encode(JSON.stringify(value))),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(bytes, { maxLength: 8 }), async (all) => {
      const memory = createMemoryIngestStore()
      const records = all.map((each, i) => ({ bytes: each, path: `/${i}` }))

      const outcomes = await ingest(records, contextOf(memory))

      assert.equal(outcomes.length, records.length)
      const accepted = outcomes.filter(({ outcome }) => outcome === 'accepted')
      assert.deepEqual(
        accepted.map(({ eventId }) => eventId),
        [...memory.contents().events.keys()],
      )
      const aside = outcomes.filter(({ outcome }) => outcome === 'quarantined')
      assert.equal(memory.contents().letters.length, aside.length)
      for (const { event } of memory.contents().events.values())
        assert.doesNotMatch(JSON.stringify(event), /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/)
    }),
    { numRuns: 300 },
  )
})
