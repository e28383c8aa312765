import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Session } from '../../../models/engine/device.ts'
import type { RankingInput } from '../../../models/spec/slate.ts'
import { openGraphs } from '../../../pipelines/training/graph-scorer.ts'
import { rankerWith, worldOf } from './small-source.ts'

const set = { definition: rankerWith(), statistics: { numbers: {}, rates: {} }, buckets: [2, 4] }
const candidate = worldOf(1)[0]!.input.candidates[0]!
const inputOf = (count: number): RankingInput => ({
  ...worldOf(1)[0]!.input,
  candidates: Array.from({ length: count }, () => candidate),
})

/** Graphs that score every slot with the number of their slots, and note what becomes of them. */
function fakeGraphs() {
  const [ran, closed] = [[] as number[], [] as number[]]
  const open = async (bucket: number): Promise<Session> => ({
    async run(feeds) {
      assert.equal(feeds['candidate.weights']!.length % bucket, 0)
      ran.push(bucket)
      return { scores: new Float32Array(bucket * 2).fill(bucket) }
    },
    readState: async () => ({}),
    close: async () => void closed.push(bucket),
  })
  return { open, ran, closed }
}

test('a request goes by the smallest graph that fits it, and by several of the largest where none does', async () => {
  const { open, ran } = fakeGraphs()
  const { score } = await openGraphs(set, open)

  const scores = [await score(inputOf(1)), await score(inputOf(2)), await score(inputOf(3)), await score(inputOf(9))]

  assert.deepEqual(ran, [2, 2, 4, 4, 4, 2])
  assert.deepEqual(
    scores.map((each) => [...each]),
    [[2, 2], Array(4).fill(2), Array(6).fill(4), [...Array(16).fill(4), 2, 2]],
  )
})

test('warming runs every graph once, with or without a request', async () => {
  const { open, ran } = fakeGraphs()
  const { warm } = await openGraphs(set, open)

  await warm(inputOf(3))
  await warm(undefined)

  assert.deepEqual(ran, [2, 4, 2, 4])
})

test('closing closes every graph; where one does not open, none stays open', async () => {
  const whole = fakeGraphs()
  await (await openGraphs(set, whole.open)).close()
  assert.deepEqual(whole.closed, [2, 4])

  const broken = fakeGraphs()
  const opening = openGraphs(set, (bucket) =>
    bucket === 4 ? Promise.reject(new Error('no graph')) : broken.open(bucket),
  )
  await assert.rejects(opening, /no graph/)
  assert.deepEqual(broken.closed, [2])
})
