import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lagsOf, offsetOf, tableOf } from '../../../services/cli/lag.ts'

const minute = 60_000
const at = Date.UTC(2026, 0, 31, 8)
const position = (topic: string, partition: number, nextOffset: number, watermarkMs = 0) => ({
  ...{ topic, partition, nextOffset, watermarkMs },
})
const extents = new Map([
  ['b', new Map([[0, { low: 0, high: 5 }]])],
  [
    'a',
    new Map([
      [10, { low: 3, high: 10 }],
      [2, { low: 0, high: 7 }],
    ]),
  ],
])

test('all partitions are shown, read or not, there or not, in order', () => {
  const lags = lagsOf([position('a', 2, 4, at), position('gone', 0, 9), position('b', 0, 8)], extents)

  assert.deepEqual(lags, [
    { topic: 'a', partition: 2, position: 4, end: 7, records: 3, watermark: '2026-01-31T08:00:00.000Z' },
    { topic: 'a', partition: 10, position: null, end: 10, records: 7, watermark: null },
    { topic: 'b', partition: 0, position: 8, end: 5, records: 0, watermark: null },
    { topic: 'gone', partition: 0, position: 9, end: null, records: null, watermark: null },
  ])
})

test('the table stands in columns, and says how long ago a watermark is', () => {
  const lags = lagsOf([position('a', 2, 4, at)], extents)

  assert.deepEqual(tableOf(lags, at + 3 * minute).split('\n'), [
    'topic  partition  position  end  lag  watermark',
    'a              2         4    7    3  2026-01-31T08:00:00.000Z (3 min ago)',
    'a             10         -   10    7  -',
    'b              0         -    5    5  -',
  ])
})

test('a reset goes to the beginning, the end, or an offset that is there', () => {
  const to = (where: string) => offsetOf(where, 'a', '10', { low: 3, high: 10 })

  assert.deepEqual(['earliest', 'latest', '3', '10'].map(to), [3, 10, 3, 10])
  for (const where of ['2', '11', '-1', '4.5', 'oldest', '']) {
    assert.throws(() => to(where), { code: 'OFFSET_INVALID', message: /from 3 to 10/ }, where)
  }
  assert.throws(() => offsetOf('earliest', 'a', '11', undefined), { code: 'POSITION_UNKNOWN' })
})
