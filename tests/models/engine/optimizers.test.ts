import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { cpu } from '../../../models/engine/cpu.ts'
import { averageWeights, createOptimizer, type OptimizerSettings } from '../../../models/engine/optimizers.ts'
import type { TensorSpec } from '../../../models/engine/program.ts'
import { createRandom } from '../../../models/engine/random.ts'
import { record } from '../../../models/engine/record.ts'
import { runStep } from './run-step.ts'

type Rate = number | readonly number[]

const scalar: TensorSpec = { shape: [], dtype: 'float32' }

/** Weights after each step, as the engine computes them. */
async function optimized(
  settings: OptimizerSettings,
  rate: Rate,
  start: readonly number[],
  gradients: readonly (readonly number[])[],
): Promise<number[][]> {
  const vector: TensorSpec = { shape: [start.length], dtype: 'float32' }
  const optimizer = createOptimizer(start.length, settings)
  const program = record({
    inputs: { gradient: vector },
    state: { weights: vector, ...optimizer.state },
    run: ({ gradient }, { weights, ...state }) => {
      const rates = typeof rate === 'number' ? rate : tf.tensor1d([...rate])
      const next = optimizer.update(weights!, gradient!, rates, state)
      return { outputs: {}, state: { weights: next.weights, ...next.state } }
    },
  })
  const session = await cpu.open(program, { threads: 1, state: { weights: Float32Array.from(start) } })
  const all: number[][] = []
  for (const gradient of gradients) {
    await session.run({ gradient: Float32Array.from(gradient) })
    all.push([...(await session.readState()).weights!])
  }
  await session.close()
  return all
}

/** The same by the papers' formulas, in double precision, one weight after the other. */
function expected(
  { optimizer, schedule = {}, clipNorm }: OptimizerSettings,
  rate: Rate,
  start: readonly number[],
  gradients: readonly (readonly number[])[],
): number[][] {
  const weights = [...start]
  const [m, v] = [start.map(() => 0), start.map(() => 0)]
  return gradients.map((gradient, i) => {
    const t = i + 1
    const { warmupSteps = 0, decaySteps = Number.POSITIVE_INFINITY } = schedule
    const warm = t < warmupSteps ? t / warmupSteps : 1
    const through = Math.min(Math.max((t - warmupSteps) / (decaySteps - warmupSteps), 0), 1)
    const norm = Math.hypot(...gradient)
    const scale = clipNorm !== undefined && norm > clipNorm ? clipNorm / norm : 1
    weights.forEach((w, j) => {
      const lr = (typeof rate === 'number' ? rate : rate[j]!) * warm * 0.5 * (1 + Math.cos(Math.PI * through))
      const g = gradient[j]! * scale
      if (optimizer.kind === 'sgd') weights[j] = w - lr * g
      else if (optimizer.kind === 'adagrad') {
        v[j]! += g * g
        weights[j] = w - (lr * g) / (Math.sqrt(v[j]!) + 1e-8)
      } else {
        m[j] = 0.9 * m[j]! + 0.1 * g
        v[j] = 0.999 * v[j]! + 0.001 * g * g
        const step = m[j]! / (1 - 0.9 ** t) / (Math.sqrt(v[j]! / (1 - 0.999 ** t)) + 1e-8)
        const decay = optimizer.kind === 'adamw' ? lr * optimizer.weightDecay * w : 0
        weights[j] = w - decay - lr * step
      }
    })
    return [...weights]
  })
}

function assertClose(found: readonly number[][], wanted: readonly number[][], tolerance: number): void {
  assert.equal(found.length, wanted.length)
  found.forEach((step, i) => {
    step.forEach((value, j) => {
      const error = Math.abs(value - wanted[i]![j]!)
      assert.ok(error <= tolerance, `step ${i + 1}, weight ${j}: ${value}, not ${wanted[i]![j]}`)
    })
  })
}

const kinds: readonly OptimizerSettings['optimizer'][] = [
  { kind: 'sgd' },
  { kind: 'adam' },
  { kind: 'adamw', weightDecay: 0.3 },
  { kind: 'adagrad' },
]
const { normal } = createRandom(1)
const draw = (size: number, scale = 1) => Array.from({ length: size }, () => scale * normal())
const start = draw(6)
const gradients = Array.from({ length: 12 }, (_, i) => draw(6, 10 ** ((i % 5) - 2)))

test('one step by hand: sgd moves by the gradient, the others by about the rate', async () => {
  for (const [optimizer, moved] of [
    [kinds[0]!, [-0.2, 0.01, 0]],
    [kinds[1]!, [-0.1, 0.1, 0]],
    [{ kind: 'adamw', weightDecay: 0.5 } as const, [-0.1 - 0.05, 0.1 - 0.05, -0.05]],
    [kinds[3]!, [-0.1, 0.1, 0]],
  ] as const) {
    const [after] = await optimized({ optimizer }, 0.1, [1, 1, 1], [[2, -0.1, 0]])

    assertClose([after!], [moved.map((change) => 1 + change)], 1e-5)
  }
})

for (const optimizer of kinds) {
  test(`${optimizer.kind} follows its formula step by step`, async () => {
    const found = await optimized({ optimizer }, 0.05, start, gradients)

    assertClose(found, expected({ optimizer }, 0.05, start, gradients), 5e-5)
  })

  test(`${optimizer.kind} gives each weight its own rate`, async () => {
    const rates = [0, 0.01, 0.02, 0.1, 0.2, 0.4]
    const found = await optimized({ optimizer }, rates, start, gradients)

    assertClose(found, expected({ optimizer }, rates, start, gradients), 2e-4)
    for (const step of found) assert.equal(step[0], Math.fround(start[0]!))
  })

  test(`${optimizer.kind} follows warm-up and half-cosine decay, and stands still after it`, async () => {
    const settings = { optimizer, schedule: { warmupSteps: 3, decaySteps: 9 } }
    const found = await optimized(settings, 0.05, start, gradients)

    assertClose(found, expected(settings, 0.05, start, gradients), 5e-5)
    assertClose(found.slice(9), [found[8]!, found[8]!, found[8]!], 1e-7)
  })

  test(`${optimizer.kind} sees gradients longer than the bound scaled down to it`, async () => {
    const settings = { optimizer, clipNorm: 1.5 }
    const found = await optimized(settings, 0.05, start, gradients)

    assertClose(found, expected(settings, 0.05, start, gradients), 5e-5)
  })
}

test('the rate is shared out over warm-up and decay as stated, at chosen steps', async () => {
  const ones = Array.from({ length: 24 }, () => [1])
  const path = await optimized(
    { optimizer: { kind: 'sgd' }, schedule: { warmupSteps: 4, decaySteps: 20 } },
    1,
    [0],
    ones,
  )
  const factor = (step: number) => -(path[step - 1]![0]! - (step === 1 ? 0 : path[step - 2]![0]!))

  const chosen = [
    [1, 0.25],
    [2, 0.5],
    [4, 1],
    [8, (1 + Math.SQRT1_2) / 2],
    [12, 0.5],
    [16, (1 - Math.SQRT1_2) / 2],
    [20, 0],
    [24, 0],
  ] as const
  for (const [step, value] of chosen) assert.ok(Math.abs(factor(step) - value) < 2e-6, `step ${step}: ${factor(step)}`)
})

test('a schedule without warm-up starts at the full rate, and without decay keeps it', async () => {
  const ones = Array.from({ length: 3 }, () => [1])
  const decaying = await optimized({ optimizer: { kind: 'sgd' }, schedule: { decaySteps: 2 } }, 1, [0], ones)
  const constant = await optimized({ optimizer: { kind: 'sgd' }, schedule: { warmupSteps: 2 } }, 1, [0], ones)

  assertClose(decaying, [[-0.5], [-0.5], [-0.5]], 1e-6)
  assertClose(constant, [[-0.5], [-1.5], [-2.5]], 1e-6)
})

test('clipping keeps the direction, leaves short gradients alone, and bears a gradient of 0', async () => {
  const step = (gradient: readonly number[]) =>
    optimized({ optimizer: { kind: 'sgd' }, clipNorm: 5 }, 1, [0, 0], [gradient])

  assertClose(await step([30, -40]), [[-3, 4]], 1e-6)
  assertClose(await step([3, -4]), [[-3, 4]], 1e-6)
  assertClose(await step([0.3, 0]), [[-0.3, 0]], 1e-7)
  assertClose(await step([0, 0]), [[0, 0]], 0)
})

test('averaged weights follow their formula from the first step on', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.array(fc.tuple(fc.double({ min: -2, max: 2, noNaN: true }), fc.double({ min: -2, max: 2, noNaN: true })), {
        minLength: 1,
        maxLength: 4,
      }),
      async (step, decay, pairs) => {
        const vector: TensorSpec = { shape: [pairs.length], dtype: 'float32' }
        const { next } = await runStep(
          {
            inputs: { average: vector, weights: vector, step: scalar },
            run: (x) => ({ outputs: { next: averageWeights(x.average!, x.weights!, x.step!, decay) } }),
          },
          {
            average: Float32Array.from(pairs, ([average]) => average),
            weights: Float32Array.from(pairs, ([, weight]) => weight),
            step: Float32Array.of(step),
          },
        )

        const d = Math.min(decay, step / (step + 10))
        const wanted = pairs.map(([average, weight]) => average + (1 - d) * (weight - average))
        assertClose([[...next!]], [wanted], 1e-6)
      },
    ),
    { numRuns: 40 },
  )
})
