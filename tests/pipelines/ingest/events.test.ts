import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventIdOf, eventTypes, validateEvent } from '../../../pipelines/ingest/events.ts'

const nowMs = Date.parse('2026-01-31T08:00:00Z')
const common = { eventId: 'e1', occurredAt: '2026-01-31T07:00:00Z' }
const slate = { type: 'slate', ...common, slateId: 's1', userId: 'u1', items: [{ itemId: 'i1' }] }
const impression = { type: 'impression', ...common, slateId: 's1', itemIds: ['i1'] }
const feedback = { type: 'feedback', ...common, userId: 'u1', itemId: 'i1', kind: 'click' }
const item = { type: 'item', ...common, itemId: 'i1' }
const user = { type: 'user', ...common, userId: 'u1' }
const tally = { impressions: 3, feedback: { click: 1 }, lastImpressionAtMs: 17 }

const check = (value: unknown) => validateEvent(value, nowMs)
function faultOf(value: unknown): { code: string; path: string; message: string } {
  const validated = check(value)
  assert.ok(!validated.ok, `${JSON.stringify(value)} should have a fault`)
  return validated.fault
}
const refuses = (value: unknown, code: string, path: string) => {
  const { code: found, path: at } = faultOf(value)
  assert.deepEqual([found, at], [code, path])
}

test('each type is taken with its least fields, and comes back as it was sent', () => {
  const least = [slate, impression, feedback, item, user]

  assert.deepEqual(
    least.map(({ type }) => type),
    eventTypes,
  )
  for (const event of least)
    assert.deepEqual(check(event), { ok: true, event, occurredAtMs: Date.parse(common.occurredAt) })
})

test('each type is taken with every field that it may have', () => {
  const days = [{ day: 20_000, impressions: 2, feedback: { click: 1 } }]
  const full = [
    {
      ...slate,
      schemaVersion: 1,
      ranker: 'home',
      user: { age: 25, tags: ['a', 'b'], isNew: true, name: null },
      context: { hour: '8' },
      limit: 0,
      items: [{ itemId: 'i1', features: { price: 3.5 }, score: -1, version: 7, tally, userItemTally: null }],
      modelVersion: 'm1',
      definitionHash: 'abc',
      userVersion: null,
      userTally: { ...tally, days, lastImpressionAtMs: null },
      historyEnd: 0,
    },
    { ...impression, schemaVersion: 1 },
    { ...feedback, schemaVersion: 1, slateId: 's1', value: -2.5 },
    { ...item, schemaVersion: 1, features: {}, deleted: true },
    { ...user, schemaVersion: 1, features: { age: 25 }, deleted: false },
  ]

  for (const event of full) assert.deepEqual(check(event), { ok: true, event, occurredAtMs: nowMs - 3_600_000 })
})

test('what is no object, or of no known type, says so at its place', () => {
  for (const value of [null, 7, 'text', true, [slate], undefined]) refuses(value, 'EVENT_FIELD_INVALID', '')
  for (const type of [undefined, 'purchase', '__proto__', 'constructor', 7, null])
    refuses({ ...slate, type }, 'EVENT_TYPE_UNKNOWN', '/type')
})

test('each field that must be there is named when it is missing', () => {
  const required: readonly (readonly [Record<string, unknown>, readonly string[]])[] = [
    [slate, ['eventId', 'occurredAt', 'slateId', 'userId', 'items']],
    [impression, ['eventId', 'occurredAt', 'slateId', 'itemIds']],
    [feedback, ['eventId', 'occurredAt', 'userId', 'itemId', 'kind']],
    [item, ['eventId', 'occurredAt', 'itemId']],
    [user, ['eventId', 'occurredAt', 'userId']],
  ]

  for (const [event, names] of required) {
    for (const name of names) {
      const { [name]: _, ...rest } = event
      refuses(rest, 'EVENT_FIELD_MISSING', `/${name}`)
      assert.match(faultOf(rest).message, new RegExp(`"${name}" is missing`))
    }
  }
  refuses({ ...slate, items: [{ itemId: 'i1' }, {}] }, 'EVENT_FIELD_MISSING', '/items/1/itemId')
})

test('a field that is not known is named, wherever it stands', () => {
  for (const event of [slate, impression, feedback, item, user])
    refuses({ ...event, price: 1 }, 'EVENT_FIELD_UNKNOWN', '/price')
  refuses({ ...slate, items: [{ itemId: 'i1', price: 1 }] }, 'EVENT_FIELD_UNKNOWN', '/items/0/price')
  refuses({ ...item, 'a/b~c': 1 }, 'EVENT_FIELD_UNKNOWN', '/a~1b~0c')
  refuses(JSON.parse(JSON.stringify(item).replace('{', '{"__proto__":1,')), 'EVENT_FIELD_UNKNOWN', '/__proto__')
})

test('a value that does not fit is named with what would fit', () => {
  const cases: readonly (readonly [unknown, string, RegExp])[] = [
    [{ ...slate, items: [] }, '/items', /fewer than 1/],
    [{ ...impression, itemIds: [] }, '/itemIds', /fewer than 1/],
    [{ ...impression, itemIds: ['i1', 7] }, '/itemIds/1', /must be string/],
    [{ ...slate, limit: -1 }, '/limit', />= 0/],
    [{ ...slate, limit: 1.5 }, '/limit', /integer/],
    [{ ...slate, historyEnd: 2 ** 60 }, '/historyEnd', /<= 9007199254740991/],
    [{ ...slate, userVersion: 1e300 }, '/userVersion', /<= 9007199254740991/],
    [{ ...slate, items: [{ itemId: 'i1', version: 1.5 }] }, '/items/0/version', /null or integer/],
    [{ ...slate, userTally: { ...tally, impressions: -1 } }, '/userTally/impressions', />= 0/],
    [{ ...feedback, value: '3' }, '/value', /must be number/],
    [{ ...feedback, value: Number.POSITIVE_INFINITY }, '/value', /must be number/],
    [{ ...item, deleted: 'no' }, '/deleted', /must be boolean/],
    [{ ...item, schemaVersion: 2 }, '/schemaVersion', /must be 1\./],
    [{ ...item, features: { a: {} } }, '/features/a', /string or number or boolean or null or array/],
    [{ ...item, features: { a: [1] } }, '/features/a/0', /must be string/],
    [{ ...item, features: { a: Number.NaN } }, '/features/a', /string or number/],
  ]

  for (const [value, path, message] of cases) {
    refuses(value, 'EVENT_FIELD_INVALID', path)
    assert.match(faultOf(value).message, message)
  }
})

test('ids, names and texts are as long as they may be, in characters, and no longer', () => {
  const ofLength = (length: number) => '😀'.repeat(length)

  assert.ok(check({ ...item, itemId: ofLength(256) }).ok)
  refuses({ ...item, itemId: ofLength(257) }, 'EVENT_FIELD_INVALID', '/itemId')
  refuses({ ...item, itemId: '' }, 'EVENT_FIELD_INVALID', '/itemId')
  assert.ok(check({ ...item, features: { [ofLength(128)]: ofLength(4096) } }).ok)
  refuses({ ...item, features: { [ofLength(129)]: 1 } }, 'EVENT_FIELD_INVALID', `/features/${ofLength(129)}`)
  refuses({ ...item, features: { '': 1 } }, 'EVENT_FIELD_INVALID', '/features/')
  refuses({ ...item, features: { a: 'x'.repeat(4097) } }, 'EVENT_FIELD_INVALID', '/features/a')
})

test('there are at most 256 features, 256 values of one, and 10,000 items of a slate', () => {
  const features = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, i]))
  const items = (count: number) => Array.from({ length: count }, (_, i) => ({ itemId: `i${i}` }))

  assert.ok(check({ ...item, features: features(256) }).ok)
  refuses({ ...item, features: features(257) }, 'EVENT_FIELD_INVALID', '/features')
  assert.ok(check({ ...item, features: { a: Array(256).fill('x') } }).ok)
  refuses({ ...item, features: { a: Array(257).fill('x') } }, 'EVENT_FIELD_INVALID', '/features/a')
  assert.ok(check({ ...slate, items: items(10_000) }).ok)
  refuses({ ...slate, items: items(10_001) }, 'EVENT_FIELD_INVALID', '/items')
})

test('texts that a database cannot hold are refused, wherever they stand', () => {
  for (const broken of ['a\u0000b', '\ud800', 'a\udfff']) {
    refuses({ ...item, itemId: broken }, 'EVENT_FIELD_INVALID', '/itemId')
    refuses({ ...feedback, kind: broken }, 'EVENT_FIELD_INVALID', '/kind')
    refuses({ ...item, features: { a: broken } }, 'EVENT_FIELD_INVALID', '/features/a')
    refuses({ ...item, features: { a: ['x', broken] } }, 'EVENT_FIELD_INVALID', '/features/a/1')
    refuses({ ...slate, context: { [broken]: 1 } }, 'EVENT_FIELD_INVALID', `/context/${broken}`)
    const counts = { ...tally, feedback: { [broken]: 1 } }
    refuses({ ...slate, userTally: counts }, 'EVENT_FIELD_INVALID', `/userTally/feedback/${broken}`)
  }
  assert.ok(check({ ...item, features: { text: 'two\nlines, a tab\t and 😀' } }).ok)
})

test('a moment is any RFC 3339 time, and the same moment however it is written', () => {
  const moments: Readonly<Record<string, string>> = {
    '2026-01-31T08:00:00Z': '2026-01-31T08:00:00.000Z',
    '2026-01-31t08:00:00z': '2026-01-31T08:00:00.000Z',
    '2026-01-31T09:30:00+01:30': '2026-01-31T08:00:00.000Z',
    '2026-01-31T00:00:00-08:00': '2026-01-31T08:00:00.000Z',
    '2026-01-31T08:00:00-00:00': '2026-01-31T08:00:00.000Z',
    '2026-01-31T08:00:00.5Z': '2026-01-31T08:00:00.500Z',
    '2026-01-31T08:00:00.123999999Z': '2026-01-31T08:00:00.123Z',
    '2024-02-29T23:59:59Z': '2024-02-29T23:59:59.000Z',
    '0000-01-01T00:00:00Z': '0000-01-01T00:00:00.000Z',
  }

  for (const [occurredAt, expected] of Object.entries(moments)) {
    const validated = check({ ...item, occurredAt })
    assert.ok(validated.ok, occurredAt)
    assert.equal(new Date(validated.occurredAtMs).toISOString(), expected)
  }
})

test('a moment that is no RFC 3339 time, or on no calendar, is refused', () => {
  const wrong = [
    ...[
      '',
      'now',
      '2026-01-31',
      '2026-01-31 08:00:00Z',
      '2026-01-31T08:00Z',
      '2026-01-31T08:00:00',
      '20260131T080000Z',
    ],
    ...['2025-02-29T00:00:00Z', '2025-04-31T00:00:00Z', '2025-13-01T00:00:00Z', '2025-01-00T00:00:00Z'],
    ...['2025-01-01T24:00:00Z', '2025-01-01T08:60:00Z', '2025-01-01T08:00:00+24:00', ' 2025-01-01T00:00:00Z'],
    ...['+002025-01-01T00:00:00Z', `2025-01-01T00:00:00.${'0'.repeat(30)}Z`],
  ]

  for (const occurredAt of wrong) refuses({ ...item, occurredAt }, 'EVENT_FIELD_INVALID', '/occurredAt')
})

test('a moment may be ahead of the clock by five minutes and not by a millisecond more', () => {
  const ahead = (ms: number) => ({ ...item, occurredAt: new Date(nowMs + ms).toISOString() })

  assert.ok(check(ahead(5 * 60_000)).ok)
  refuses(ahead(5 * 60_000 + 1), 'EVENT_TIME_IN_FUTURE', '/occurredAt')
})

test('the id of a broken event is read where it could be an id, so that its trail can be asked for', () => {
  assert.equal(eventIdOf({ eventId: 'e1', type: 7 }), 'e1')
  for (const value of [null, 7, 'e1', [], {}, { eventId: 7 }, { eventId: '' }, { eventId: 'x'.repeat(257) }])
    assert.equal(eventIdOf(value), null)
  assert.equal(eventIdOf({ eventId: 'a\u0000' }), null)
})
