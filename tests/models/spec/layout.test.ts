import assert from 'node:assert/strict'
import { test } from 'node:test'
import { historyItemFeatures, layoutOf, numberBins, numberNames, rowsOf, sideOf } from '../../../models/spec/layout.ts'
import { fullRanker, rankerOf } from './rankers.ts'

test('a layout places features in the order of the definition, requests and candidates apart', () => {
  const layout = layoutOf(
    rankerOf(
      { kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 100 }, isId: true },
      { kind: 'categorical', name: 'device', scope: 'context', rows: { vocabulary: ['phone', 'tv'] } },
      { kind: 'categories', name: 'tags', scope: 'item', rows: { buckets: 8 }, maxValues: 3 },
      { kind: 'numeric', name: 'age', scope: 'user', scale: 'log' },
      { kind: 'numeric', name: 'length', scope: 'item', scale: 'buckets' },
      { kind: 'text', name: 'query', scope: 'context', rows: { buckets: 16 }, maxTokens: 4 },
      { kind: 'history', name: 'clicked', length: 2, items: ['itemId'] },
      { kind: 'counters', name: 'counters', of: 'item', feedback: ['click'] },
    ),
  )

  assert.deepEqual(layout, {
    request: {
      groups: [
        { feature: 'device', offset: 0, count: 1, isId: false },
        { feature: 'query', offset: 1, count: 4, isId: false },
        { feature: 'clicked.itemId', offset: 5, count: 2, isId: false },
      ],
      slots: 7,
      numbers: ['age'],
    },
    candidate: {
      groups: [
        { feature: 'itemId', offset: 0, count: 1, isId: true },
        { feature: 'tags', offset: 1, count: 3, isId: false },
        { feature: 'length', offset: 4, count: 1, isId: false },
      ],
      slots: 5,
      numbers: ['counters.impressions', 'counters.click.count', 'counters.click.rate', 'counters.gap'],
    },
    // Row 0 is nobody's; a vocabulary has a row for missing, bins too.
    columns: [
      { feature: 'itemId', offset: 1, rows: 100 },
      { feature: 'device', offset: 101, rows: 3 },
      { feature: 'tags', offset: 104, rows: 8 },
      { feature: 'length', offset: 112, rows: numberBins + 1 },
      { feature: 'query', offset: 129, rows: 16 },
    ],
    tableRows: 145,
  })
})

test('columns and groups follow each other without a gap, and no name comes twice', () => {
  const { columns, tableRows, request, candidate } = layoutOf(fullRanker)

  columns.forEach(({ offset, rows }, i) => {
    assert.equal(columns[i + 1]?.offset ?? tableRows, offset + rows)
  })
  for (const { groups, slots, numbers } of [request, candidate]) {
    groups.forEach(({ offset, count }, i) => {
      assert.equal(groups[i + 1]?.offset ?? slots, offset + count)
    })
    assert.equal(new Set(numbers).size, numbers.length)
    assert.equal(new Set(groups.map(({ feature }) => feature)).size, groups.length)
  }
})

test('a side without features has neither slots nor numbers', () => {
  const { request } = layoutOf(rankerOf({ kind: 'numeric', name: 'price', scope: 'item', scale: 'standard' }))

  assert.deepEqual(request, { groups: [], slots: 0, numbers: [] })
})

test('what belongs to a user or a context is given once a request, what belongs to an item once a candidate', () => {
  const sides = Object.fromEntries(fullRanker.features.map((feature) => [feature.name, sideOf(feature)]))

  assert.deepEqual(sides, {
    userId: 'request',
    itemId: 'candidate',
    genre: 'candidate',
    device: 'request',
    tags: 'candidate',
    query: 'request',
    price: 'candidate',
    age: 'request',
    length: 'candidate',
    userCounters: 'request',
    itemCounters: 'candidate',
    pairCounters: 'candidate',
    clicked: 'request',
  })
})

test('a vocabulary has one row a word and one for missing, hashing as many as it has buckets', () => {
  assert.equal(rowsOf({ vocabulary: ['a', 'b', 'c'] }), 4)
  assert.equal(rowsOf({ buckets: 7 }), 7)
})

test('counters have two numbers a kind between their impressions and their gap', () => {
  assert.deepEqual(numberNames({ kind: 'counters', name: 'c', of: 'user', feedback: ['like', 'buy'] }), [
    'c.impressions',
    'c.like.count',
    'c.like.rate',
    'c.buy.count',
    'c.buy.rate',
    'c.gap',
  ])
})

test('a history sees its items through the features it names, in its order', () => {
  const names = historyItemFeatures(fullRanker.features, ['genre', 'itemId']).map(({ name }) => name)

  assert.deepEqual(names, ['genre', 'itemId'])
})
