import fc from 'fast-check'
import type { FeatureValues } from '../../../models/spec/features.ts'
import type { Tally } from '../../../models/spec/slate.ts'
import type { Event } from '../../../pipelines/ingest/events.ts'
import type { PendingEvent } from '../../../pipelines/join/ports.ts'

const dayMs = 86_400_000
const startMs = Date.parse('2025-01-01T00:00:00Z')
/** Few moments, so that much happens at once, over more days than a tally keeps. */
export const moments = Array.from({ length: 10 }, (_, i) => startMs + Math.floor(i * 4.3 * dayMs))

const users = fc.constantFrom('u1', 'u2')
const items = fc.constantFrom('i1', 'i2', 'i3', 'i4')
const kinds = fc.constantFrom('click', 'like', 'constructor')
const slateIds = fc.constantFrom('s1', 's2', 's3', 's4', 's5', 's6')
const small = fc.nat({ max: 3 })
export const features: fc.Arbitrary<FeatureValues> = fc.record(
  {
    price: fc.nat({ max: 9 }),
    genre: fc.constantFrom('drama', 'comedy', null),
    tags: fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 4 }),
    title: fc.constantFrom('A cat', 'the DOG and the cat', ''),
  },
  { requiredKeys: [] },
)
const givenTally: fc.Arbitrary<Tally | null> = fc.option(
  fc.record({ impressions: small, feedback: fc.record({ click: small }), lastImpressionAtMs: fc.constant(startMs) }),
)
const reference = fc.option(fc.integer({ min: 1, max: 5 }))
const catalogEntry = fc.record({ features, deleted: fc.boolean() }, { requiredKeys: [] })
const list = fc.uniqueArray(items, { minLength: 1, maxLength: 4 })
const asked = fc.record({ limit: fc.nat({ max: 4 }), user: features, context: features }, { requiredKeys: ['context'] })

const logged = fc.record({
  type: fc.constant('slate' as const),
  slateId: slateIds,
  ranker: fc.constantFrom('explicit', 'top', 'until-last-feedback', 'gone'),
  userId: users,
  items: list.chain((ids) =>
    fc.tuple(
      ...ids.map((itemId) => fc.record({ itemId: fc.constant(itemId), features }, { requiredKeys: ['itemId'] })),
    ),
  ),
})
const served = fc.record({
  slate: logged,
  rest: fc.record({
    modelVersion: fc.constant('m1'),
    definitionHash: fc.constant('h1'),
    userVersion: reference,
    userTally: givenTally,
    historyEnd: small,
  }),
  items: fc.array(fc.record({ version: reference, tally: givenTally, userItemTally: givenTally }), {
    minLength: 4,
    maxLength: 4,
  }),
})
const body = fc.oneof(
  { weight: 2, arbitrary: fc.tuple(logged, asked).map(([slate, more]) => ({ ...slate, ...more })) },
  {
    weight: 2,
    arbitrary: fc.tuple(served, asked).map(([{ slate, rest, items: own }, more]) => ({
      ...slate,
      ...more,
      ...rest,
      items: slate.items.map((item, i) => ({ ...item, ...own[i]! })),
    })),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('impression' as const), slateId: slateIds, itemIds: list }),
  },
  {
    weight: 4,
    arbitrary: fc.record(
      {
        type: fc.constant('feedback' as const),
        userId: users,
        itemId: items,
        kind: kinds,
        slateId: slateIds,
        value: small,
      },
      { requiredKeys: ['type', 'userId', 'itemId', 'kind'] },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(items, catalogEntry).map(([itemId, entry]) => ({ type: 'item' as const, itemId, ...entry })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(users, catalogEntry).map(([userId, entry]) => ({ type: 'user' as const, userId, ...entry })),
  },
)

/** Streams in which everything may refer to everything, whenever it comes, or never does. */
export const eventStreams: fc.Arbitrary<readonly PendingEvent[]> = fc
  .array(fc.tuple(fc.constantFrom(...moments), body), { minLength: 1, maxLength: 40 })
  .map((all) =>
    all.map(([occurredAtMs, fields], i) => {
      const eventId = `e${i}`
      const event = { ...fields, eventId, occurredAt: new Date(occurredAtMs).toISOString() }
      return { eventId, source: 'import', occurredAtMs, event: JSON.parse(JSON.stringify(event)) as Event }
    }),
  )
