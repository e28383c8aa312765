import assert from 'node:assert/strict'
import { test } from 'node:test'
import type * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { layoutParameters } from '../../../models/engine/parameters.ts'
import { createRandom } from '../../../models/engine/random.ts'
import { expertParameters, gateParameters, runExperts, runGates } from '../../../models/layers/experts.ts'
import { runStep } from '../engine/run-step.ts'

const sizes = { inputs: 2, fanIn: 2, tasks: 2 }
const float = (...shape: readonly number[]) => ({ shape, dtype: 'float32' as const })

/** Experts over rows, with or without a mask. */
async function experts(
  weight: readonly number[],
  bias: readonly number[],
  rows: readonly (readonly number[])[],
  count: number,
  mask?: readonly number[],
) {
  let shape: readonly number[] = []
  const { out } = await runStep(
    {
      inputs: {
        rows: float(rows.length, 2),
        weight: float(2, bias.length),
        bias: float(bias.length),
        mask: float(rows.length, bias.length),
      },
      run: (x) => {
        const weights = { 'expert.weight': x.weight!, 'expert.bias': x.bias! }
        const out = runExperts(weights, x.rows as tf.Tensor2D, count, mask === undefined ? null : { expert: x.mask! })
        shape = out.shape
        return { outputs: { out } }
      },
    },
    {
      rows: Float32Array.from(rows.flat()),
      weight: Float32Array.from(weight),
      bias: Float32Array.from(bias),
      mask: Float32Array.from(mask ?? new Array<number>(rows.length * bias.length).fill(0)),
    },
  )
  return { shape, values: [...out!] }
}

test('experts are side by side in one layer: each its own columns, then ReLU', async () => {
  // Two experts of two: x0, x1 | x0 + x1 - 5, -x0.
  const weight = [1, 0, 1, -1, 0, 1, 1, 0]
  const rows = [
    [2, 4],
    [-1, 3],
    [9, -2],
  ]
  const { shape, values } = await experts(weight, [0, 0, -5, 0], rows, 2)

  assert.deepEqual(shape, [3, 2, 2])
  assert.deepEqual(values, [2, 4, 1, 0, 0, 3, 0, 1, 9, 0, 2, 0])
})

test('dropout comes after the ReLU, and there is none when scoring', async () => {
  const weight = [1, 0, 1, -1, 0, 1, 1, 0]
  const rows = [[2, 4]]

  assert.deepEqual((await experts(weight, [0, 0, -5, 0], rows, 2, [2, 0, 3, 7])).values, [4, 0, 3, 0])
  assert.deepEqual((await experts(weight, [0, 0, -5, 0], rows, 2)).values, [2, 4, 1, 0])
})

test('gates share out by softmax over experts, for each task', async () => {
  let shape: readonly number[] = []
  const { gates } = await runStep(
    {
      inputs: { rows: float(1, 2), weight: float(2, 6), bias: float(6) },
      run: (x) => {
        const gates = runGates({ 'gate.weight': x.weight!, 'gate.bias': x.bias! }, x.rows as tf.Tensor2D, 2, 3)
        shape = gates.shape
        return { outputs: { gates } }
      },
    },
    {
      rows: Float32Array.of(1, 2),
      weight: Float32Array.of(Math.log(2), 0, 0, 0, 0, 0, 0, 0, 0, 0, Math.log(2), 0),
      bias: Float32Array.of(0, 0, 0, 0, 0, Math.log(3)),
    },
  )

  // Task 0: shares 2, 1, 1. Task 1: 1, 4, 3.
  assert.deepEqual(shape, [1, 2, 3])
  for (const [i, wanted] of [1 / 2, 1 / 4, 1 / 4, 1 / 8, 1 / 2, 3 / 8].entries()) {
    assert.ok(Math.abs(gates![i]! - wanted) < 1e-6, `${gates}`)
  }
})

test('gates are shares for any rows and weights, also very large ones', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom(0.1, 1, 100, 1e6),
      fc.nat(),
      async (rows, tasks, count, scale, seed) => {
        const { normal } = createRandom(seed)
        const draw = (length: number) => Float32Array.from({ length }, () => scale * normal())
        const { gates } = await runStep(
          {
            inputs: { rows: float(rows, 2), weight: float(2, tasks * count), bias: float(tasks * count) },
            run: (x) => {
              const weights = { 'gate.weight': x.weight!, 'gate.bias': x.bias! }
              return { outputs: { gates: runGates(weights, x.rows as tf.Tensor2D, tasks, count) } }
            },
          },
          { rows: draw(rows * 2), weight: draw(2 * tasks * count), bias: draw(tasks * count) },
        )

        assert.equal(gates!.length, rows * tasks * count)
        for (let at = 0; at < gates!.length; at += count) {
          const shares = [...gates!.subarray(at, at + count)]
          assert.equal(
            shares.every((share) => share >= 0 && share <= 1),
            true,
          )
          assert.equal(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-5, true)
        }
      },
    ),
    { numRuns: 50 },
  )
})

test('parameters have the shapes that the layers take, and start within the bound of what is really fed', () => {
  const { parameters, initialize } = layoutParameters([
    ...expertParameters({ inputs: 50, fanIn: 25, tasks: 3 }, 4, 8),
    ...gateParameters({ inputs: 50, fanIn: 25, tasks: 3 }, 4),
  ])
  const flat = initialize(createRandom(1))
  const largest = parameters.map(({ offset, size }) => Math.max(...flat.subarray(offset, offset + size).map(Math.abs)))

  assert.deepEqual(
    parameters.map(({ name, shape }) => [name, shape]),
    [
      ['expert.weight', [50, 32]],
      ['expert.bias', [32]],
      ['gate.weight', [50, 12]],
      ['gate.bias', [12]],
    ],
  )
  // 1 / sqrt(25), and 0 for the gates' biases.
  for (const [i, bound] of [0.2, 0.2, 0.2, 0].entries()) {
    assert.ok(largest[i]! <= bound + 1e-7 && largest[i]! >= 0.8 * bound, `${parameters[i]!.name}: ${largest[i]}`)
  }
  assert.equal(
    expertParameters(sizes, 1, 1).every(({ group }) => group === 'dense'),
    true,
  )
})
