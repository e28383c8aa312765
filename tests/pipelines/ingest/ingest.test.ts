import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  drop,
  type EventOutcome,
  ingest,
  liveSource,
  type RawRecord,
  replay,
} from '../../../pipelines/ingest/ingest.ts'
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

test('records of a partition move its position, and its watermark to the newest event less the lateness', async () => {
  const memory = createMemoryIngestStore()
  const claim = { group: 'g', topic: 't', partition: 0, latenessMs: 20 }
  const position = () => {
    const { nextOffset, watermarkMs } = memory.contents().positions.get('t 0')!
    return [nextOffset, watermarkMs - (nowMs - 3_600_000)]
  }
  const take = (records: readonly unknown[], fromOffset: number, nextOffset: number) =>
    ingest(records.map(record), contextOf(memory), { ...claim, fromOffset, nextOffset })

  await take([itemEvent('a', 'i1', at(50)), itemEvent('b', 'i1', at(30)), 7], 0, 3)
  assert.deepEqual(position(), [3, 30])
  await take([itemEvent('c', 'i1', at(40)), 8], 3, 9)
  assert.deepEqual(position(), [9, 30])
  await take([itemEvent('d', 'i1', at(60 * 60_000 + 9_000))], 9, 10)

  // Ahead of the clock, though not far enough to be refused: others' events are on their way yet.
  assert.deepEqual(position(), [10, 3_600_000 - 20])
})

test('nothing is taken by who believes a position to be elsewhere', async () => {
  const memory = createMemoryIngestStore()
  const claim = { group: 'g', topic: 't', partition: 0, fromOffset: 0, nextOffset: 1, latenessMs: 0 }
  await ingest([itemEvent('a')].map(record), contextOf(memory), claim)

  const second = ingest([itemEvent('b'), 7].map(record), contextOf(memory), claim)

  await assert.rejects(second, { code: 'POSITION_MOVED' })
  assert.deepEqual([[...memory.contents().events.keys()], memory.contents().letters], [['a'], []])
})

test('without a partition, no clock moves', async () => {
  const memory = createMemoryIngestStore()

  await ingest([itemEvent('a')].map(record), contextOf(memory))

  assert.equal(memory.contents().watermarks.size + memory.contents().positions.size, 0)
})

test('a dead letter is taken once more, as it is or mended, and ends where it goes in', async () => {
  const memory = createMemoryIngestStore()
  const bytesOf = (value: unknown) => record(value, 0).bytes
  await ingest(
    [
      { ...itemEvent('a'), price: 1 },
      { ...itemEvent('b'), price: 1 },
    ].map(record),
    contextOf(memory),
  )
  const { source: _, ...context } = contextOf(memory)

  const asItIs = await replay(0, null, context)
  const mended = await replay(0, bytesOf(itemEvent('a')), context)
  const again = await replay(0, bytesOf(itemEvent('c')), context)
  const worse = await replay(1, bytesOf({ ...itemEvent('b'), colour: 1 }), context)

  assert.deepEqual(
    [asItIs, mended, again, worse].map((each) => [each.outcome, 'path' in each ? each.path : '']),
    [
      ['quarantined', '/price'],
      ['accepted', ''],
      ['unknown', ''],
      ['quarantined', '/colour'],
    ],
  )
  const [first, second] = memory.contents().letters
  assert.deepEqual([first!.resolution, first!.attempts], ['replayed', 2])
  assert.deepEqual([second!.resolution, second!.attempts, second!.path], [undefined, 2, '/colour'])
  assert.deepEqual([...memory.contents().events.keys()], ['a'])
})

test('a dead letter that is dropped ends untaken, once', async () => {
  const memory = createMemoryIngestStore()
  const { source: _, ...context } = contextOf(memory)
  await ingest([7].map(record), contextOf(memory))

  const ends = [await drop(0, context), await drop(0, context), await drop(1, context)]

  assert.deepEqual(ends, [true, false, false])
  assert.equal((await replay(0, null, context)).outcome, 'unknown')
  assert.equal(memory.contents().letters[0]!.resolution, 'dropped')
})

test('nothing is answered, and nothing kept, when the transaction breaks at any step', async () => {
  for (const step of ['accept', 'quarantine', 'commit'] as const) {
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
