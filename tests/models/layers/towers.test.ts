import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { layoutParameters } from '../../../models/engine/parameters.ts'
import { createRandom } from '../../../models/engine/random.ts'
import { record } from '../../../models/engine/record.ts'
import { dropout, towerParameters, towers } from '../../../models/layers/towers.ts'
import { runStep } from '../engine/run-step.ts'

const float = (...shape: readonly number[]) => ({ shape, dtype: 'float32' as const })

/** Two tasks' towers of two over mixtures of two. */
async function run(mixtures: readonly number[], rows: number, mask?: readonly number[]) {
  let shape: readonly number[] = []
  const { logits } = await runStep(
    {
      inputs: {
        mixtures: float(2, rows, 2),
        'tower.weight': float(2, 2, 2),
        'tower.bias': float(2, 1, 2),
        'head.weight': float(2, 2, 1),
        mask: float(rows, 4),
      },
      run: ({ mixtures, mask: given, ...weights }) => {
        const logits = towers(weights, mixtures as tf.Tensor3D, mask === undefined ? null : { tower: given! })
        shape = logits.shape
        return { outputs: { logits } }
      },
    },
    {
      mixtures: Float32Array.from(mixtures),
      // Task 0: hidden x0 + x1, x0 - x1; task 1: hidden 2 x0, 3 x1.
      'tower.weight': Float32Array.of(1, 1, 1, -1, 2, 0, 0, 3),
      'tower.bias': Float32Array.of(0, 0, -1, 0.5),
      'head.weight': Float32Array.of(1, 10, 1, 100),
      mask: Float32Array.from(mask ?? new Array<number>(rows * 4).fill(0)),
    },
  )
  return { shape, values: [...logits!] }
}

test('each task has a tower of its own over its own mixture', async () => {
  const { shape, values } = await run([1, 2, 5, 3, /* task 1 */ 1, 0, -1, 1], 2)

  // Task 0: 3 + 10 relu(-1), 8 + 10 * 2. Task 1: 1 + 100 * 0.5, relu(-3) + 100 * 3.5.
  assert.deepEqual(shape, [2, 2])
  assert.deepEqual(values, [3, 51, 28, 350])
})

test('dropout comes after the ReLU of the towers, and a mask of ones changes nothing', async () => {
  // Hidden values 3, relu(-1) | 1, 0.5.
  const mixtures = [1, 2, /* task 1 */ 1, 0]

  assert.deepEqual((await run(mixtures, 1)).values, [3, 51])
  assert.deepEqual((await run(mixtures, 1, [2, 5, 0, 3])).values, [6, 150])
  assert.deepEqual((await run(mixtures, 1, [1, 1, 1, 1])).values, [3, 51])
})

test('dropout without masks is the tensor itself', () => {
  const program = record({
    inputs: { x: float(2, 3) },
    run: ({ x }) => ({ outputs: { same: dropout(x!, null, 'tower') } }),
  })

  assert.equal(program.nodes.length, 0)
})

test('dropout multiplies by its mask, whatever the shape of the layer', async () => {
  const { out } = await runStep(
    {
      inputs: { x: float(2, 2, 1), mask: float(2, 2) },
      run: ({ x, mask }) => ({ outputs: { out: dropout(x!, { layer: mask!, other: tf.zeros([9]) }, 'layer') } }),
    },
    { x: Float32Array.of(1, 2, 3, 4), mask: Float32Array.of(0, 2, 2, 0) },
  )

  assert.deepEqual([...out!], [0, 4, 6, 0])
})

test('parameters have the shapes that towers take, and start within the bound of their inputs', () => {
  const { parameters, initialize } = layoutParameters(towerParameters(3, 16, 25))
  const flat = initialize(createRandom(1))

  assert.deepEqual(
    parameters.map(({ name, shape }) => [name, shape]),
    [
      ['tower.weight', [3, 16, 25]],
      ['tower.bias', [3, 1, 25]],
      ['head.weight', [3, 25, 1]],
    ],
  )
  for (const [i, bound] of [1 / 4, 1 / 4, 1 / 5].entries()) {
    const { offset, size } = parameters[i]!
    const largest = Math.max(...flat.subarray(offset, offset + size).map(Math.abs))
    assert.ok(largest <= bound && largest > 0.85 * bound, `${largest} of ${bound}`)
  }
})
