import assert from 'node:assert/strict'
import { test } from 'node:test'
import { placeOf } from '../../../../services/adapters/kafka/producer.ts'

const common = { eventId: 'e', occurredAt: '2026-01-31T08:00:00Z' }

test("a user's events have the user's key, an impression its slate's, and the catalogue the kind beside the id", () => {
  const places = [
    placeOf({ ...common, type: 'slate', slateId: 's', userId: '42', items: [{ itemId: 'i' }] }),
    placeOf({ ...common, type: 'impression', slateId: 's', itemIds: ['i'] }),
    placeOf({ ...common, type: 'feedback', userId: '42', itemId: 'i', slateId: 's', kind: 'click' }),
    placeOf({ ...common, type: 'item', itemId: '42' }),
    placeOf({ ...common, type: 'user', userId: '42' }),
  ]

  assert.deepEqual(places, [
    { kind: 'slates', key: '42' },
    { kind: 'impressions', key: 's' },
    { kind: 'feedback', key: '42' },
    { kind: 'catalog', key: 'item:42' },
    { kind: 'catalog', key: 'user:42' },
  ])
})
