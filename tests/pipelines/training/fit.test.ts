import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import { encodeExamples } from '../../../pipelines/training/encoded-examples.ts'
import { type FitOptions, fit, type TrainedWeights } from '../../../pipelines/training/fit.ts'
import { createExampleScorer } from '../../../pipelines/training/score-examples.ts'
import { optionsOf, range } from './small-fit.ts'
import { rankerWith, worldOf } from './small-source.ts'

const plain = rankerWith()
const withTrunk = (idDropout: number): RankerDefinition => ({ ...plain, trunk: { ...plain.trunk, idDropout } })

/** Which table rows of a feature have a weight, and which were in the examples. */
function rowsOf(feature: string, { network, examples }: FitOptions, weights: TrainedWeights, part: 'deep' | 'wide') {
  const { offset, rows } = network.layout.columns.find((column) => column.feature === feature)!
  const width = weights[part].length / network.layout.tableRows
  const trained = [...range(offset, offset + rows)].filter((row) =>
    weights[part].subarray(row * width, (row + 1) * width).some((weight) => weight !== 0),
  )
  const seen = new Set([...examples.request.rows, ...examples.candidate.rows])
  return { trained, seen: [...range(offset, offset + rows)].filter((row) => seen.has(row)) }
}

test('just the rows of what was seen are trained, and row 0 is nobody’s', async () => {
  const options = optionsOf(withTrunk(0))

  const weights = await fit(options)

  for (const feature of ['userId', 'itemId', 'genre', 'band']) {
    const { trained, seen } = rowsOf(feature, options, weights, 'deep')
    assert.deepEqual(trained, seen, feature)
  }
  assert.ok(weights.deep.subarray(0, plain.trunk.dimension).every((weight) => weight === 0))
})

test('ids that are always dropped leave no trace in the deep part, and attributes and the wide part stay', async () => {
  const options = optionsOf(withTrunk(1 - 1e-9))

  const weights = await fit(options)

  for (const feature of ['userId', 'itemId']) {
    assert.deepEqual(rowsOf(feature, options, weights, 'deep').trained, [])
    const { trained, seen } = rowsOf(feature, options, weights, 'wide')
    assert.deepEqual(trained, seen)
  }
  const { trained, seen } = rowsOf('genre', options, weights, 'deep')
  assert.deepEqual(trained, seen)
})

test('examples outside the rows asked for change nothing', async () => {
  const [few, many] = [worldOf(30), worldOf(60)]
  const all = optionsOf(plain, many)
  const own = { ...optionsOf(plain, few), network: all.network }
  const examples = encodeExamples(plain, { rates: { click: 0.5, watch: 0.5 }, numbers: {} }, many)
  const same = { ...all, examples, rows: range(0, 120) }

  const [narrow, wide] = [
    await fit({ ...own, examples: encodeExamples(plain, { rates: { click: 0.5, watch: 0.5 }, numbers: {} }, few) }),
    await fit(same),
  ]

  assert.deepEqual(few, many.slice(0, 30))
  assert.deepEqual(wide, narrow)
})

test('after each pass the weights so far can be looked at, and a no ends the training there', async () => {
  const options = optionsOf(plain)
  const seen: { epoch: number; weights: TrainedWeights }[] = []

  const stopped = await fit({
    ...options,
    epochs: 5,
    async afterEpoch(epoch, weights) {
      seen.push({ epoch, weights: await weights() })
      return epoch < 2
    },
  })

  assert.deepEqual(
    seen.map(({ epoch }) => epoch),
    [1, 2],
  )
  assert.deepEqual(stopped, seen[1]!.weights)
  assert.deepEqual(stopped, await fit({ ...options, epochs: 2 }))
  assert.deepEqual(seen[0]!.weights, await fit({ ...options, epochs: 1 }))
})

test('before anything is learnt each task says its rate, or its mean', async () => {
  const options = optionsOf(plain)
  const tiny = {
    ...options,
    epochs: 1,
    definition: { ...plain, training: { ...plain.training, rate: 1e-12, embeddingRate: 1e-12, wideRate: 1e-12 } },
  }
  const { examples } = options

  const scorer = await createExampleScorer(tiny.definition, tiny.network, examples, { device: cpu, threads: 1 })
  const logits = await scorer.score(await fit(tiny), options.rows)
  await scorer.close()

  const known = (task: number) => [...options.rows].filter((row) => examples.known[row * 2 + task] === 1)
  const meanOf = (task: number) =>
    known(task).reduce((sum, row) => sum + examples.labels[row * 2 + task]!, 0) / known(task).length
  const predicted = (task: number) =>
    [...options.rows].reduce((sum, row) => sum + logits[row * 2 + task]!, 0) / options.rows.length
  const rate = meanOf(0)
  assert.ok(Math.abs(predicted(0) - Math.log(rate / (1 - rate))) < 0.5)
  assert.ok(Math.abs(predicted(1) - meanOf(1)) < 0.5)
})

test('an example has the same score wherever it stands, among few and among more than one batch', async () => {
  const options = optionsOf(plain, worldOf(300))
  const weights = await fit({ ...options, epochs: 1 })
  const scorer = await createExampleScorer(plain, options.network, options.examples, { device: cpu, threads: 1 })
  const backwards = Int32Array.from(options.rows).reverse()

  const all = await scorer.score(weights, options.rows)
  const reversed = await scorer.score(weights, backwards)
  const few = await scorer.score(weights, Int32Array.of(1_150, 3, 3))
  const none = await scorer.score(weights, Int32Array.of())
  await scorer.close()

  const pair = (scores: Float32Array, row: number) => [...scores.subarray(row * 2, row * 2 + 2)]
  assert.deepEqual([pair(few, 0), pair(few, 1), pair(few, 2)], [pair(all, 1_150), pair(all, 3), pair(all, 3)])
  backwards.forEach((row, place) => void assert.deepEqual(pair(reversed, place), pair(all, row)))
  assert.equal(none.length, 0)
})

test('a fit multiplies in the precision that it is asked for, and in float32 where it is asked for none', async () => {
  const options = optionsOf(plain)
  const asked: unknown[] = []
  const device: FitOptions['device'] = {
    ...cpu,
    open(program, { precision, ...rest }) {
      asked.push(precision)
      return cpu.open(program, rest)
    },
  }

  await fit({ ...options, device, epochs: 1 })
  await fit({ ...options, device, epochs: 1, precision: 'bfloat16' })

  assert.deepEqual(asked, ['float32', 'bfloat16'])
})
