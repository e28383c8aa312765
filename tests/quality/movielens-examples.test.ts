import assert from 'node:assert/strict'
import { test } from 'node:test'
import { layoutOf } from '../../models/spec/layout.ts'
import { encodeExamples } from '../../pipelines/training/encoded-examples.ts'
import { type Movielens, sliceOf } from './movielens.ts'
import { movielensExamples, movielensRanker } from './movielens-examples.ts'

const range = (length: number) => Array.from({ length }, (_, i) => i)
/** Three users rate the same forty movies with 1 to 5 stars in turn. */
const movielens: Movielens = {
  ratings: range(120).map((i) => ({
    userId: String(1 + Math.floor(i / 40)),
    movieId: String(1 + (i % 40)),
    stars: 1 + (i % 5),
  })),
  users: new Map(range(3).map((i) => [String(1 + i), { gender: 'F', age: '25', occupation: String(i) }])),
  movies: new Map(range(40).map((i) => [String(1 + i), { year: 1960 + i, genres: ['Drama', 'War'] }])),
}
const ratingsOf = ({ slates }: ReturnType<typeof movielensExamples>) =>
  slates.flatMap(({ input, impressions }) =>
    impressions.map(({ candidate }) => `${input.userId}:${input.candidates[candidate]!.itemId}`),
  )

test('every rating is one example, and those of the test come last', () => {
  const examples = movielensExamples(movielens)

  const own = (isTest: boolean) =>
    movielens.ratings
      .filter((rating) => (sliceOf(rating) === 'test') === isTest)
      .map(({ userId, movieId }) => `${userId}:${movieId}`)
  assert.deepEqual(ratingsOf(examples), [...own(false), ...own(true)])
  assert.deepEqual([examples.learnt, examples.test], [own(false).length, own(true).length])
  assert.ok(examples.test > 0)
})

test('four stars are liked, five loved too, and up to two disliked', () => {
  const { slates } = movielensExamples(movielens)
  const { labels, known } = encodeExamples(movielensRanker, { rates: {}, numbers: {} }, slates)

  const starsOf = new Map(movielens.ratings.map(({ userId, movieId, stars }) => [`${userId}:${movieId}`, stars]))
  const expected = { 1: [0, 0, 1], 2: [0, 0, 1], 3: [0, 0, 0], 4: [1, 0, 0], 5: [1, 1, 0] }
  ratingsOf({ slates, learnt: 0, test: 0 }).forEach((pair, i) => {
    const stars = starsOf.get(pair)! as keyof typeof expected
    assert.deepEqual([...labels.subarray(i * 3, i * 3 + 3)], expected[stars], `${pair}, ${stars} stars`)
  })
  assert.ok(known.every((each) => each === 1))
})

test('an example shows the ranker its user, its movie, two genres and the year', () => {
  const { slates } = movielensExamples(movielens)
  const { request, candidate, count } = encodeExamples(movielensRanker, { rates: {}, numbers: {} }, slates)

  const layout = layoutOf(movielensRanker)
  const filled = (side: { rows: Int32Array }, slots: number) =>
    [...side.rows.subarray(0, slots)].filter((row) => row !== 0).length
  assert.equal(filled(request, layout.request.slots), 4)
  assert.equal(filled(candidate, layout.candidate.slots), 3)
  assert.deepEqual(layout.candidate.numbers, ['year'])
  assert.equal(candidate.numbers.length, count)
  const [first] = ratingsOf({ slates, learnt: 0, test: 0 })
  assert.equal(candidate.numbers[0], 1960 + Number(first!.split(':')[1]) - 1)
})
