import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { kuairandCounters } from '../../../../models/presets/kuairand.ts'
import { createEncoder, emptyBatch } from '../../../../models/spec/encoder.ts'
import { createFirstPass } from '../../../../models/spec/statistics.ts'
import { kuairandFrame } from '../../../../pipelines/datasets/kuairand/frame.ts'
import { readSample } from './sample.ts'

const tables = readSample()
const frame = kuairandFrame(tables)
const slices = { train: frame.train, validation: frame.validation, test: frame.test }

test('the sample is whole', () => {
  assert.deepEqual([tables.rows.length, tables.users.size, tables.videos.size], [41_828, 664, 113])
  assert.equal(new Set(tables.rows.map(({ itemId }) => itemId)).size, 9_359)
})

test('the slices have the rows that the protocol says, to the last one', () => {
  const found = Object.entries(slices).map(([name, indices]) => {
    const hash = createHash('sha256')
    for (const row of indices) {
      const { userId, itemId, atMs } = frame.rows[row]!
      hash.update(`${userId}:${itemId}:${atMs}\n`)
    }
    return [name, indices.length, hash.digest('hex').slice(0, 16)]
  })

  assert.deepEqual(found, [
    ['train', 32_145, '91acd1c299fcde93'],
    ['validation', 3_571, 'aaac82a25c0bbee0'],
    ['test', 6_112, '73894dee7414f413'],
  ])
})

test('the test slice is the days after the others, and every row is in one slice, in order', () => {
  const datesOf = (indices: Int32Array) => [...indices].map((row) => frame.rows[row]!.date)
  const early = [...frame.train, ...frame.validation]

  assert.ok(Math.max(...datesOf(Int32Array.from(early))) < Math.min(...datesOf(frame.test)))
  for (const indices of [early, [...frame.test]]) assert.ok(indices.every((row, i) => i === 0 || row > indices[i - 1]!))
  assert.equal(new Set([...early, ...frame.test]).size, frame.slates.length)
})

test('a row of the test slice is encoded with the numbers that were worked out for it elsewhere', () => {
  const pass = createFirstPass(kuairandCounters)
  for (const row of [...frame.train, ...frame.validation]) pass.add(frame.slates[row]!)
  const { input } = frame.slates.find(
    (slate) => slate.input.userId === '22171' && slate.slateId.endsWith('-1650347400150-2636056'),
  )!

  const encoder = createEncoder(kuairandCounters, pass.finish())
  const batch = encoder.encode([input], emptyBatch(encoder.layout, { requests: 1, candidates: 1 }))

  const numberOf = (side: 'request' | 'candidate', name: string) =>
    batch[side].numbers[encoder.layout[side].numbers.indexOf(name)]!.toFixed(4)
  assert.deepEqual(
    ['impressions', 'like.rate', 'long_view.rate', 'gap'].map((name) => numberOf('request', `userCounters.${name}`)),
    ['3.3673', '0.5778', '0.4640', '6.8650'],
  )
  assert.deepEqual(
    ['impressions', 'like.rate', 'gap'].map((name) => numberOf('candidate', `itemCounters.${name}`)),
    ['0.0000', '0.8133', '-1.0000'],
  )
})

test('counts of a row are of rows of strictly smaller time', () => {
  const rows = frame.rows.slice(0, 1_500)

  rows.forEach((row, i) => {
    const earlier = rows.filter(({ atMs }) => atMs < row.atMs)
    const { userTally, candidates } = frame.slates[i]!.input
    for (const [tally, own] of [
      [userTally, earlier.filter(({ userId }) => userId === row.userId)],
      [candidates[0]!.tally, earlier.filter(({ itemId }) => itemId === row.itemId)],
    ] as const) {
      assert.equal(tally?.impressions ?? 0, own.length)
      assert.equal(tally?.lastImpressionAtMs ?? null, own.at(-1)?.atMs ?? null)
      assert.equal(tally?.feedback.like ?? 0, own.filter(({ kinds }) => kinds.includes('like')).length)
    }
  })
})
