import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../models/engine/cpu.ts'
import { record } from '../../models/engine/record.ts'
import { createDraws } from './draws.ts'
import { drawBatch, drawParameters, layout, logitsOf, sizes } from './experts-model.ts'
import { plainLogitsOf } from './experts-plain.ts'
import { scoringStep } from './experts-scoring.ts'
import { trainingStep } from './experts-training.ts'

const near = (found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number) => {
  assert.equal(found.length, expected.length)
  for (let i = 0; i < expected.length; i++)
    assert.ok(Math.abs(found[i]! - expected[i]!) <= tolerance, `entry ${i}: ${found[i]}, not ${expected[i]}`)
}

test('the first draws are those of the generator by hand', () => {
  // 1664525 + 1013904223 = 1015568748; times 1664525, plus 1013904223, mod 2^32 = 1586005467.
  const drawn = createDraws().centred(2)

  near(drawn, [1015568748 / 2 ** 32 - 0.5, 1586005467 / 2 ** 32 - 0.5], 1e-7)
})

test('the recorded step has the losses that PyTorch prints', async () => {
  const draws = createDraws()
  const weights = drawParameters(draws)
  const batch = { ...drawBatch(draws, 32) }
  const session = await cpu.open(record(trainingStep(32)), { threads: 1, state: { weights } })

  const losses: number[] = []
  for (let step = 0; step < 3; step++) losses.push((await session.run(batch)).loss![0]!)
  await session.close()

  near(losses, [4.22438, 3.33715, 2.64593], 5e-5)
})

test('the plain form of the model has the logits of the stacked one', async () => {
  const rows = 5
  const draws = createDraws()
  const weights = drawParameters(draws).map((weight, i) => weight + 0.01 * Math.sin(i))
  const { features } = drawBatch(draws, rows)
  const program = record({
    inputs: {
      features: { shape: [rows, sizes.inputs], dtype: 'float32' },
      weights: { shape: [layout.size], dtype: 'float32' },
    },
    run(inputs) {
      const sliced = layout.slices(inputs.weights as Parameters<typeof layout.slices>[0])
      const both = [logitsOf, plainLogitsOf].map((logits) => logits(sliced, inputs.features!))
      return { outputs: { stacked: both[0]!, plain: both[1]! } }
    },
  })
  const session = await cpu.open(program, { threads: 1 })

  const { stacked, plain } = await session.run({ features, weights })

  near(plain as Float32Array, stacked as Float32Array, 1e-5)
  await session.close()
})

test("scores are the candidates' own, one probability a task", async () => {
  const draws = createDraws()
  const weights = drawParameters(draws)
  const { features } = drawBatch(draws, 4)
  const scores = async (rows: Float32Array) => {
    const session = await cpu.open(record(scoringStep(weights, rows.length / sizes.inputs)), { threads: 1 })
    const found = [...(await session.run({ features: rows })).scores!]
    await session.close()
    return found
  }

  const [four, second] = [await scores(features), await scores(features.slice(sizes.inputs, 2 * sizes.inputs))]

  assert.equal(four.length, 4 * sizes.tasks)
  assert.ok(four.every((score) => score > 0 && score < 1))
  near(second, four.slice(sizes.tasks, 2 * sizes.tasks), 1e-6)
})
