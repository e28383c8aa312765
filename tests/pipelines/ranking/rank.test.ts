import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defineRanker } from '../../../models/spec/define-ranker.ts'
import type { FeatureSpec } from '../../../models/spec/features.ts'
import type { RankingInput } from '../../../models/spec/slate.ts'
import type { KnowledgeQuery, Known, RankedSlate } from '../../../pipelines/ranking/ports.ts'
import { type RankContext, type RankRequest, rank } from '../../../pipelines/ranking/rank.ts'

const itemFeature: FeatureSpec = { kind: 'categorical', name: 'genre', scope: 'item', rows: { buckets: 8 } }
const rankerWith = (...features: FeatureSpec[]) =>
  defineRanker({
    name: 'home',
    features: [itemFeature, ...features],
    tasks: [
      { name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: 1_000, scoreWeight: 1 },
      { name: 'like', label: { rule: 'happened', kind: 'like' }, windowMs: 1_000 },
    ],
  })
const tally = (impressions: number) => ({ impressions, feedback: {}, lastImpressionAtMs: 5 })
const known: Known = {
  user: { version: 11, features: { age: 30, city: 'Bern' } },
  userTally: tally(1),
  history: [{ itemId: 'h', kind: 'click', occurredAtMs: 4, features: { genre: 'drama' } }],
  historyEnd: 17,
  items: new Map([
    ['a', { version: 21, features: { genre: 'drama', price: 3 } }],
    ['b', { version: 22, features: { genre: 'comedy' } }],
  ]),
  itemTallies: new Map([['a', tally(2)]]),
  userItemTallies: new Map([['b', tally(3)]]),
}
const nothingKnown: Known = {
  ...{ user: null, userTally: null, history: [], historyEnd: 0 },
  ...{ items: new Map(), itemTallies: new Map(), userItemTallies: new Map() },
}

/** Scores by the length of an item's id, and writes down all that happens, in order. */
function setting({ knows = async () => known, append = async () => {}, definition = rankerWith() } = {}) {
  const [steps, slates, inputs, queries] = [
    [] as string[],
    [] as RankedSlate[],
    [] as RankingInput[],
    [] as KnowledgeQuery[],
  ]
  let ids = 0
  const context: RankContext = {
    scorer: {
      ...{ version: 'v1', definitionHash: 'h1', definition },
      async score(input) {
        steps.push('score')
        inputs.push(input)
        return Float32Array.from(input.candidates.flatMap(({ itemId }) => [itemId.length, -1]))
      },
    },
    knowledge: {
      async know(query) {
        steps.push('know')
        queries.push(query)
        return knows()
      },
    },
    slateLog: {
      async append(slate) {
        await append()
        steps.push('log')
        slates.push(slate)
      },
    },
    nowMs: () => 1_000,
    newId: () => `id${++ids}`,
    onDegraded: (what, cause) => void steps.push(`${what}: ${(cause as Error).message}`),
  }
  return { context, steps, slates, inputs, queries }
}
const request: RankRequest = { userId: 'u', candidates: [{ itemId: 'a' }, { itemId: 'long' }, { itemId: 'b' }] }

test('an answer has every candidate, best first, with its version and what the catalogue lacks', async () => {
  const { context } = setting()

  assert.deepEqual(await rank(request, context), {
    ...{ slateId: 'id1', ranker: 'home', modelVersion: 'v1' },
    items: [
      { itemId: 'long', score: 4, tasks: { click: 4, like: -1 } },
      { itemId: 'a', score: 1, tasks: { click: 1, like: -1 } },
      { itemId: 'b', score: 1, tasks: { click: 1, like: -1 } },
    ],
    ...{ unknownItems: ['long'], degraded: [] },
  })
})

test('the scorer sees what is known, overlaid by what the request carries', async () => {
  const { context, inputs } = setting()
  const candidates = [{ itemId: 'a', features: { price: 9 } }, { itemId: 'b' }, { itemId: 'x', features: { price: 1 } }]

  await rank({ userId: 'u', user: { age: 31 }, context: { hour: '8' }, candidates }, context)

  assert.deepEqual(inputs, [
    {
      ...{ userId: 'u', occurredAtMs: 1_000, user: { age: 31, city: 'Bern' }, context: { hour: '8' } },
      ...{ history: known.history, userTally: tally(1) },
      candidates: [
        { itemId: 'a', features: { genre: 'drama', price: 9 }, tally: tally(2), userItemTally: null },
        { itemId: 'b', features: { genre: 'comedy' }, tally: null, userItemTally: tally(3) },
        { itemId: 'x', features: { price: 1 }, tally: null, userItemTally: null },
      ],
    },
  ])
})

test('the slate is logged before the answer, with exactly what it was scored by, best first and whole', async () => {
  const { context, slates, steps } = setting()
  const candidates = [{ itemId: 'b' }, { itemId: 'a', features: { price: 9 } }, { itemId: 'long' }]

  const { items } = await rank(
    { userId: 'u', user: { age: 31 }, candidates, limit: 1, objective: { like: 2 } },
    context,
  )

  assert.deepEqual(steps, ['know', 'score', 'log'])
  assert.deepEqual(
    items.map(({ itemId }) => itemId),
    ['a'],
  )
  assert.deepEqual(slates, [
    {
      ...{ eventId: 'id2', slateId: 'id1', ranker: 'home', definitionHash: 'h1', modelVersion: 'v1', userId: 'u' },
      ...{ occurredAt: '1970-01-01T00:00:01.000Z', context: {}, user: { age: 31 }, limit: 1 },
      items: [
        { itemId: 'a', score: -2, features: { price: 9 }, version: 21, tally: tally(2), userItemTally: null },
        { itemId: 'b', score: -2, version: 22, tally: null, userItemTally: tally(3) },
        { itemId: 'long', score: -2, version: null, tally: null, userItemTally: null },
      ],
      ...{ userVersion: 11, userTally: tally(1), historyEnd: 17 },
    },
  ])
})

test('without a limit all come back, and the slate says that all are meant to be shown', async () => {
  const { context, slates } = setting()

  const { items } = await rank(request, context)
  await rank({ ...request, limit: 50 }, context)

  assert.deepEqual([items.length, slates[0]!.limit, 'user' in slates[0]!], [3, 3, false])
  assert.equal(slates[1]!.limit, 50)
})

test('a slate that cannot be logged fails the request, whose answer nobody could trace', async () => {
  const { context } = setting({
    append: async () => {
      throw new Error('the disk is full')
    },
  })

  await assert.rejects(rank(request, context), { message: 'the disk is full' })
})

test('a scorer that fails fails the request, and no slate is logged', async () => {
  const { context, slates } = setting()
  const broken = {
    ...context,
    scorer: { ...context.scorer, score: () => Promise.reject(new Error('the thread died')) },
  }

  await assert.rejects(rank(request, broken), { message: 'the thread died' })
  assert.deepEqual(slates, [])
})

test('a user that the catalogue lacks is said to be missing, unless the request describes the user', async () => {
  const { context, slates } = setting({ knows: async () => nothingKnown })

  const stranger = await rank(request, context)
  const described = await rank({ ...request, user: {} }, context)

  assert.deepEqual([stranger.degraded, described.degraded], [['user'], []])
  assert.deepEqual(stranger.unknownItems, ['a', 'long', 'b'])
  assert.deepEqual([slates[0]!.userVersion, slates[0]!.historyEnd, slates[0]!.userTally], [null, 0, null])
})

test('where the store of knowledge does not answer, the request is ranked by what it carries, and says so', async () => {
  const { context, steps, inputs, slates } = setting({
    knows: async () => {
      throw new Error('no connection')
    },
  })

  const answer = await rank({ ...request, candidates: [{ itemId: 'a', features: { price: 9 } }] }, context)

  assert.deepEqual([answer.degraded, answer.unknownItems, answer.items.length], [['knowledge'], [], 1])
  assert.deepEqual(steps, ['know', 'knowledge: no connection', 'score', 'log'])
  assert.deepEqual([inputs[0]!.user, inputs[0]!.candidates[0]!.features, inputs[0]!.history], [{}, { price: 9 }, []])
  assert.deepEqual([slates[0]!.items[0]!.version, slates[0]!.userVersion, slates[0]!.historyEnd], [null, null, 0])
})

test('a candidate offered twice is refused at its place, before anything is asked', async () => {
  const { context, steps } = setting()

  const answer = rank({ ...request, candidates: [...request.candidates, { itemId: 'a' }] }, context)

  await assert.rejects(answer, {
    ...{ name: 'Fault', code: 'RANK_CANDIDATE_REPEATED', path: '/candidates/3/itemId', status: 400 },
  })
  assert.deepEqual(steps, [])
})

test('only what the ranker looks at is asked for', async () => {
  const counters = (of: 'user' | 'item' | 'user-item'): FeatureSpec => ({
    kind: 'counters',
    name: `of-${of}`,
    of,
    feedback: [],
  })
  const history = (name: string, feedback?: string[]): FeatureSpec => ({
    ...{ kind: 'history', name, length: 3, items: ['genre'] },
    ...(feedback === undefined ? {} : { feedback }),
  })
  const asked = async (...features: FeatureSpec[]) => {
    const { context, queries } = setting({ definition: rankerWith(...features) })
    await rank(request, context)
    return queries[0]!
  }

  const tallies = { user: false, item: false, userItem: false }
  assert.deepEqual(await asked(), { userId: 'u', itemIds: ['a', 'long', 'b'], historyFeedback: [], tallies })
  assert.deepEqual((await asked(counters('user'), counters('user-item'))).tallies, {
    ...tallies,
    user: true,
    userItem: true,
  })
  assert.deepEqual((await asked(counters('item'))).tallies, { ...tallies, item: true })
  const two = [history('likes', ['like', 'click']), history('clicks', ['click'])]
  assert.deepEqual((await asked(...two)).historyFeedback, ['like', 'click'])
  assert.equal((await asked(...two, history('any'))).historyFeedback, null)
})

test('the order in which candidates are offered changes nothing in the answer', async () => {
  const offers = fc
    .uniqueArray(fc.constantFrom('a', 'b', 'c', 'long', 'longer', 'longest'), { minLength: 1 })
    .chain((itemIds) => fc.tuple(fc.constant(itemIds), fc.shuffledSubarray(itemIds, { minLength: itemIds.length })))
  await fc.assert(
    fc.asyncProperty(offers, async ([one, other]) => {
      const ranked = async (itemIds: readonly string[]) => {
        const { context, slates } = setting()
        const { items, unknownItems } = await rank(
          { userId: 'u', candidates: itemIds.map((itemId) => ({ itemId })) },
          context,
        )
        return { items, unknown: [...unknownItems].sort(), slates }
      }

      assert.deepEqual(await ranked(one), await ranked(other))
    }),
    { numRuns: 50 },
  )
})
