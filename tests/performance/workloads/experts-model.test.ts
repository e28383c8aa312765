import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import { record } from '../../../models/engine/record.ts'
import { createDraws } from './draws.ts'
import { drawBatch, drawParameters, layout, logitsOf, sizes } from './experts-model.ts'
import { plainLogitsOf } from './experts-plain.ts'
import { besideLogitsOf, scoringStep } from './experts-scoring.ts'
import { trainingStep } from './experts-training.ts'
import { near } from './near.ts'

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

test('the model has the same logits in each of its three forms', async () => {
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
      const [stacked, plain, beside] = [logitsOf, plainLogitsOf, besideLogitsOf].map((logits) =>
        logits(sliced, inputs.features!),
      )
      return { outputs: { stacked: stacked!, plain: plain!, beside: beside! } }
    },
  })
  const session = await cpu.open(program, { threads: 1 })

  const { stacked, plain, beside } = await session.run({ features, weights })

  near(plain as Float32Array, stacked as Float32Array, 1e-5)
  near(beside as Float32Array, stacked as Float32Array, 1e-5)
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
