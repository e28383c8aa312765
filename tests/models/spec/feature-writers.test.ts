import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CategoricalFeature, FeatureSpec, FeatureValue } from '../../../models/spec/features.ts'
import { rowHasher } from '../../../models/spec/hash.ts'
import { numberBins } from '../../../models/spec/layout.ts'
import type { Statistics } from '../../../models/spec/statistics.ts'
import { encodeOne, inputOf, itemOf, placeOf, rankerOf, statistics } from './rankers.ts'

/** What one value of an item reads as. The table's first row is 1. */
function itemPlace(feature: FeatureSpec, value?: FeatureValue, learnt: Statistics = statistics) {
  const features = value === undefined ? {} : { [feature.name]: value }
  return placeOf(
    encodeOne(rankerOf(feature), inputOf({ candidates: [itemOf('i1', features)] }), learnt).candidate,
    1,
    0,
  )
}
const rowsOf = (feature: FeatureSpec, value?: FeatureValue) => itemPlace(feature, value).rows
const missing = '\u0000missing'

const genre: FeatureSpec = {
  kind: 'categorical',
  name: 'genre',
  scope: 'item',
  rows: { vocabulary: ['drama', 'comedy'] },
}
const brand: FeatureSpec = { kind: 'categorical', name: 'brand', scope: 'item', rows: { buckets: 1000 } }
const tags: FeatureSpec = { kind: 'categories', name: 'tags', scope: 'item', rows: { buckets: 1000 }, maxValues: 3 }
const title: FeatureSpec = { kind: 'text', name: 'title', scope: 'item', rows: { buckets: 1000 }, maxTokens: 4 }
const price: FeatureSpec = { kind: 'numeric', name: 'price', scope: 'item', scale: 'standard' }
const length: FeatureSpec = { kind: 'numeric', name: 'length', scope: 'item', scale: 'buckets' }
const wordRow = (word: string) => 1 + rowHasher('title', 1000)(word)

test('a word of a vocabulary has its row, missing has the last, and an unknown word the row that reads as zero', () => {
  assert.deepEqual(itemPlace(genre, 'drama'), { rows: [1], weights: [1], numbers: [], present: [] })
  assert.deepEqual(rowsOf(genre, 'comedy'), [2])
  assert.deepEqual(rowsOf(genre), [3])
  assert.deepEqual(rowsOf(genre, null), [3])
  assert.deepEqual(rowsOf(genre, 'western'), [0])
})

test('a hashed value has the row of its hash, and missing one of its own', () => {
  assert.deepEqual(itemPlace(brand, 'acme'), {
    rows: [1 + rowHasher('brand', 1000)('acme')],
    weights: [1],
    numbers: [],
    present: [],
  })
  assert.deepEqual(rowsOf(brand), [1 + rowHasher('brand', 1000)(missing)])
  assert.deepEqual(rowsOf(brand, ['acme']), rowsOf(brand))
})

test('numbers and truth values are words of a category', () => {
  assert.deepEqual(rowsOf(brand, 7), rowsOf(brand, '7'))
  assert.deepEqual(rowsOf(brand, false), rowsOf(brand, 'false'))
})

test('the empty text is a value, not a missing one', () => {
  assert.deepEqual(rowsOf(brand, ''), [1 + rowHasher('brand', 1000)('')])
})

test('ids are read from the request and the candidate, whatever features of that name say', () => {
  const ranker = rankerOf(
    { kind: 'categorical', name: 'user', field: 'userId', scope: 'user', rows: { vocabulary: ['u1', 'u2'] } },
    { kind: 'categorical', name: 'item', field: 'itemId', scope: 'item', rows: { vocabulary: ['i1', 'i2'] } },
  )
  const candidates = [itemOf('i2', { itemId: 'i1' }), itemOf('i1')]

  const { request, candidate } = encodeOne(ranker, inputOf({ userId: 'u2', user: { userId: 'u1' }, candidates }))

  assert.deepEqual([...request.rows], [2])
  assert.deepEqual([...candidate.rows], [5, 4])
})

test('a feature is read from its own scope, under its field', () => {
  const vocabulary = ['of user', 'of context', 'of item']
  const of = (scope: 'user' | 'context' | 'item'): FeatureSpec => ({
    kind: 'categorical',
    name: scope,
    field: 'x',
    scope,
    rows: { vocabulary },
  })
  const input = inputOf({
    user: { x: 'of user' },
    context: { x: 'of context' },
    candidates: [itemOf('i1', { x: 'of item' })],
  })

  const { request, candidate } = encodeOne(rankerOf(of('user'), of('context'), of('item')), input)

  // Columns of four rows each, from row 1 on.
  assert.deepEqual([...request.rows], [1 + 0, 5 + 1])
  assert.deepEqual([...candidate.rows], [9 + 2])
})

test('a set of values weighs each by one over their count, and what is left is padding', () => {
  const row = (tag: string) => 1 + rowHasher('tags', 1000)(tag)

  assert.deepEqual(itemPlace(tags, ['a', 'b']), {
    rows: [row('a'), row('b'), 0],
    weights: [0.5, 0.5, 0],
    numbers: [],
    present: [],
  })
  assert.deepEqual(itemPlace(tags, ['a']).weights, [1, 0, 0])
})

test('values of a set beyond the most are dropped, and do not weigh', () => {
  assert.deepEqual(itemPlace(tags, ['a', 'b', 'c', 'd', 'e']), itemPlace(tags, ['a', 'b', 'c']))
  assert.deepEqual(itemPlace(tags, ['a', 'b', 'c']).weights, Array(3).fill(Math.fround(1 / 3)))
})

test('a lone value is a set of one, an empty set has no rows, and a missing one has the missing row', () => {
  assert.deepEqual(itemPlace(tags, 'a'), itemPlace(tags, ['a']))
  assert.deepEqual(itemPlace(tags, 7), itemPlace(tags, ['7']))
  assert.deepEqual(itemPlace(tags, []), { rows: [0, 0, 0], weights: [0, 0, 0], numbers: [], present: [] })
  assert.deepEqual(itemPlace(tags), itemPlace(tags, [missing]))
})

test('an unknown word in a set reads as zero and keeps its weight', () => {
  const closed: FeatureSpec = {
    kind: 'categories',
    name: 'tags',
    scope: 'item',
    rows: { vocabulary: ['a', 'b'] },
    maxValues: 3,
  }

  assert.deepEqual(itemPlace(closed, ['b', 'x']), { rows: [2, 0, 0], weights: [0.5, 0.5, 0], numbers: [], present: [] })
})

test('a malformed value in a set reads as missing', () => {
  const malformed = ['a', null, { b: 1 }] as unknown as readonly string[]

  assert.deepEqual(rowsOf(tags, malformed), rowsOf(tags, ['a', missing, missing]))
})

test('text is split into lower-case words of letters and digits', () => {
  assert.deepEqual(itemPlace(title, 'The RED-hot 2nd'), {
    rows: ['the', 'red', 'hot', '2nd'].map(wordRow),
    weights: [0.25, 0.25, 0.25, 0.25],
    numbers: [],
    present: [],
  })
})

test('words beyond the most are dropped, and a list of texts is read through', () => {
  assert.deepEqual(rowsOf(title, ['a b', 'c d', 'e']), ['a', 'b', 'c', 'd'].map(wordRow))
})

test('an accent is the same letter however it was typed, and marks stay with their letters', () => {
  assert.deepEqual(itemPlace(title, 'cafe\u0301'), itemPlace(title, 'caf\u00e9'))
  assert.deepEqual(rowsOf(title, 'हिन्दी गीत'), [wordRow('हिन्दी'), wordRow('गीत'), 0, 0])
})

test('text without words has no rows, and what is no text is missing', () => {
  assert.deepEqual(itemPlace(title, ' -- ').weights, [0, 0, 0, 0])
  assert.deepEqual(rowsOf(title), [wordRow(missing), 0, 0, 0])
  assert.deepEqual(rowsOf(title, 1984), rowsOf(title))
})

test('a number is itself and present, or 0 and not present', () => {
  assert.deepEqual(itemPlace(price, 3.5), { rows: [], weights: [], numbers: [3.5], present: [1] })
  assert.deepEqual(itemPlace(price, 0), { rows: [], weights: [], numbers: [0], present: [1] })
  assert.deepEqual(itemPlace(price, true).numbers, [1])
  for (const value of [undefined, null, '3.5', Number.NaN, Number.POSITIVE_INFINITY, 1e39]) {
    assert.deepEqual(itemPlace(price, value), { rows: [], weights: [], numbers: [0], present: [0] })
  }
})

test('a number on the log scale is log(1 + x)', () => {
  assert.deepEqual(itemPlace({ ...price, scale: 'log' }, 20).numbers, [Math.fround(Math.log(21))])
})

/** Edges 0, 10, 20, 30: three bins, and the last edge on its own. */
test('a bucketised number has the row of its bin, the lower edge belonging to it', () => {
  const bins = [-5, 0, 9.9, 10, 19, 20, 29.9, 30, 99].map((value) => rowsOf(length, value)[0]! - 1)

  assert.deepEqual(bins, [0, 0, 0, 1, 1, 2, 2, 3, 3])
  assert.deepEqual(itemPlace(length, 5), { rows: [1], weights: [1], numbers: [], present: [] })
})

test('a bucketised number has a row for missing behind those of its bins', () => {
  assert.deepEqual(rowsOf(length), [1 + numberBins])
  assert.deepEqual(rowsOf(length, 'long'), [1 + numberBins])
})

test('a bucketised number of two values has two bins', () => {
  const numbers = { length: { mean: 0.5, deviation: 0.5, edges: [0, 1], codeMeans: [0.5] } }
  const row = (value: number) => itemPlace(length, value, { ...statistics, numbers }).rows[0]

  assert.deepEqual([row(0), row(1)], [1, 2])
})

test('a number with all seventeen edges has sixteen bins, the last edge joining the last', () => {
  const edges = Array.from({ length: 17 }, (_, i) => i)
  const numbers = { length: { mean: 8, deviation: 5, edges, codeMeans: edges.slice(1).map(() => 0.5) } }
  const rows = [...edges, 100].map((value) => itemPlace(length, value, { ...statistics, numbers }).rows[0])

  assert.deepEqual(rows, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 16, 16])
})

test('a bucketised number that training never saw has one bin', () => {
  assert.deepEqual(itemPlace(length, 12, { rates: {}, numbers: {} }).rows, [1])
})

test('the rows of one feature begin where those of the one before end', () => {
  const other: CategoricalFeature = { ...(genre as CategoricalFeature), name: 'mood', rows: { vocabulary: ['calm'] } }
  const candidates = [itemOf('i1', { genre: 'drama', length: 30, mood: 'calm' })]

  const { candidate } = encodeOne(rankerOf(genre, length, other), inputOf({ candidates }))

  assert.deepEqual([...candidate.rows], [1, 4 + 3, 4 + numberBins + 1])
})
