import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, readMapping, type TimeUnit } from '../../../pipelines/import/mapping.ts'
import { validateEvent } from '../../../pipelines/ingest/events.ts'

const nowMs = Date.parse('2026-01-31T08:00:00Z')
const isValid = (event: unknown) => validateEvent(event, nowMs).ok
const made = (
  type: Parameters<typeof readMapping>[0],
  row: Record<string, unknown>,
  maps: readonly string[],
  sets: readonly string[] = [],
  unit: TimeUnit = 'rfc3339',
) => eventOf(row, 7, 'ml', readMapping(type, maps, sets, unit))

test('a row of ratings is feedback, with an id made of its source, type and row', () => {
  const row = { user_id: '42', movie_id: 'm1', rating: '4.5', timestamp: '1600000000' }
  const maps = ['user_id=userId', 'movie_id=itemId', 'rating=value', 'timestamp=occurredAt']

  const event = made('feedback', row, maps, ['kind=rating'], 's')

  assert.deepEqual(event, {
    type: 'feedback',
    eventId: 'ml-feedback-7',
    kind: 'rating',
    userId: '42',
    itemId: 'm1',
    value: 4.5,
    occurredAt: '2020-09-13T12:26:40.000Z',
  })
  assert.ok(isValid(event))
})

test('a row of a list is a slate of one item, with what is known of the item, the user and the moment', () => {
  const row = { u: 'u1', i: 'i1', price: '3', tags: 'a|b', hour: '8', age: '25', at: '2026-01-01T00:00:00Z' }
  const maps = ['u=userId', 'i=itemId', 'price=features.price:number', 'tags=features.tags:list', 'hour=context.hour']

  const event = made('slate', row, [...maps, 'age=user.age:number', 'at=occurredAt'], ['ranker=home', 'limit=1'])

  assert.deepEqual(event, {
    type: 'slate',
    eventId: 'ml-slate-7',
    slateId: 'ml-7',
    ranker: 'home',
    limit: 1,
    userId: 'u1',
    items: [{ itemId: 'i1', features: { price: 3, tags: ['a', 'b'] } }],
    context: { hour: '8' },
    user: { age: 25 },
    occurredAt: '2026-01-01T00:00:00Z',
  })
  assert.ok(isValid(event))
})

test('impressions, items and users are made of rows, too', () => {
  const at = ['at=occurredAt']
  const row = { at: '2026-01-01T00:00:00Z', s: 's1', i: 'i1', g: 'drama', gone: 'true' }

  const impression = made('impression', row, [...at, 's=slateId', 'i=itemId'])
  const item = made('item', row, [...at, 'i=itemId', 'g=features.genre', 'gone=deleted'])
  const user = made('user', row, [...at, 's=userId'], ['features.plan=free', 'eventId=user-{row}'])

  assert.deepEqual(impression.itemIds, ['i1'])
  assert.deepEqual([item.features, item.deleted], [{ genre: 'drama' }, true])
  assert.deepEqual([user.eventId, user.userId, user.features], ['user-7', 's1', { plan: 'free' }])
  assert.ok([impression, item, user].every(isValid))
})

test('typed values stay what they are, as far as JSON can say them; ids become texts', () => {
  const row = { id: 42n, at: new Date('2026-01-01T00:00:00Z'), near: 7n, far: 2n ** 60n, no: null, list: ['a', 3n] }
  const names = ['near', 'far', 'no', 'list'].map((name) => `${name}=features.${name}`)

  const event = made('item', row, ['id=itemId', 'at=occurredAt', ...names])

  assert.equal(event.itemId, '42')
  assert.equal(event.occurredAt, '2026-01-01T00:00:00.000Z')
  assert.deepEqual(event.features, { near: 7, far: '1152921504606846976', list: ['a', 3] })
})

test('moments are read in the unit that is named', () => {
  const at = (value: unknown, unit: TimeUnit) => made('item', { at: value }, ['at=occurredAt'], [], unit).occurredAt

  assert.deepEqual(
    [at('1600000000.25', 's'), at('1600000000250', 'ms'), at(1_600_000_000_250_999n, 'us')],
    Array(3).fill('2020-09-13T12:26:40.250Z'),
  )
})

test('what cannot be converted stays as it stands in the row, and an empty cell leaves its field out', () => {
  const row = { v: 'four', t: 'yesterday', huge: '9e99', d: 'maybe', e: '', x: '0x10' }

  const feedback = made('feedback', row, ['v=value', 't=occurredAt', 'e=slateId', 'x=kind'], [], 'ms')
  const item = made('item', row, ['huge=occurredAt', 'd=deleted', 'x=features.x:number'], [], 's')

  assert.deepEqual([feedback.value, feedback.occurredAt, 'slateId' in feedback], ['four', 'yesterday', false])
  assert.deepEqual([item.occurredAt, item.deleted, item.features], ['9e99', 'maybe', { x: '0x10' }])
  assert.ok(!isValid(feedback) && !isValid(item))
})

test('a feature may have any name, and a column any', () => {
  const row = JSON.parse('{"a=b": "1", "__proto__": "2", "price.eur": "3"}')

  const event = made('item', row, ['a=b=features.price.eur', '__proto__=features.__proto__'])

  assert.deepEqual(Object.entries(event.features as object), [
    ['price.eur', '1'],
    ['__proto__', '2'],
  ])
})

test('the same row is the same event each time, and rows of other types or places are others', () => {
  const mapping = readMapping('item', ['i=itemId'], [])

  assert.deepEqual(eventOf({ i: '1' }, 3, 'a', mapping), eventOf({ i: '1' }, 3, 'a', mapping))
  const ids = [
    eventOf({}, 3, 'a', mapping),
    eventOf({}, 4, 'a', mapping),
    eventOf({}, 3, 'b', mapping),
    eventOf({}, 3, 'a', readMapping('user', [], [])),
  ].map(({ eventId }) => eventId)
  assert.equal(new Set(ids).size, 4)
})

test('a pair that names no field, or one that is given twice, is refused with the way out', () => {
  for (const [type, maps, sets, said] of [
    ['feedback', ['a'], [], /"a" must be COLUMN=FIELD/],
    ['feedback', ['=userId'], [], /must be COLUMN=FIELD/],
    ['feedback', [], ['kind'], /"kind" must be FIELD=VALUE/],
    ['feedback', ['a=user'], [], /"user" is no field of feedback events; it must be one of userId, .*occurredAt/],
    ['feedback', ['a=features.x'], [], /is no field of feedback events/],
    ['item', ['a=features.'], [], /must be one of itemId, deleted, features.NAME/],
    ['item', ['a=constructor'], [], /is no field of item events/],
    ['slate', ['a=userId', 'b=userId'], [], /"userId" is given twice/],
    ['feedback', ['a=kind'], ['kind=x'], /"kind" is given twice/],
  ] as const) {
    assert.throws(() => readMapping(type, maps, sets), { code: 'IMPORT_MAPPING_INVALID', message: said })
  }
})
