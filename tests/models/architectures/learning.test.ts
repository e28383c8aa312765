import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { cpu } from '../../../models/engine/cpu.ts'
import { createOptimizer } from '../../../models/engine/optimizers.ts'
import { createRandom } from '../../../models/engine/random.ts'
import { record } from '../../../models/engine/record.ts'
import type { ArchitectureSpec } from '../../../models/spec/ranker.ts'
import { runStep } from '../engine/run-step.ts'
import { type Built, build, float, smallArchitectures } from './small-architectures.ts'

const [inputs, tasks] = [6, 3]
const draw = (length: number, seed: number) => {
  const { normal } = createRandom(seed)
  return Float32Array.from({ length }, normal)
}

/** The gradient in the flat weights of each task's mean squared logit, over random rows and weights. */
async function gradients(built: Built, rows = 200): Promise<Float32Array[]> {
  const outputs = await runStep(
    {
      inputs: { flat: float(built.layout.size), rows: float(rows, inputs) },
      run: ({ flat, rows: x }) => ({
        outputs: Object.fromEntries(
          Array.from({ length: tasks }, (_, task) => {
            const loss = (weights: tf.Tensor) => {
              const logits = built.logits(weights, x!)
              return tf.mean(tf.square(tf.slice(logits, [0, task], [rows, 1]))) as tf.Scalar
            }
            return [`task${task}`, tf.grad(loss)(flat!)]
          }),
        ),
      }),
    },
    { flat: draw(built.layout.size, 1), rows: draw(rows * inputs, 2) },
  )
  return Array.from({ length: tasks }, (_, task) => outputs[`task${task}`] as Float32Array)
}

/** Which task owns each entry of the flat weights; null where all share it. */
function owners({ layout, architecture }: Built, { kind, ...spec }: ArchitectureSpec): (number | null)[] {
  const experts = 'experts' in spec ? spec.experts : 1
  assert.equal(architecture.parameters.length, layout.parameters.length)
  return layout.parameters.flatMap(({ name, size }) =>
    Array.from({ length: size }, (_, i) => {
      // One block a task, or the columns of a task side by side.
      if (name.startsWith('tower.') || name.startsWith('head.')) return Math.floor(i / (size / tasks))
      if (name.startsWith('gate.')) return Math.floor((i % (tasks * experts)) / experts)
      if (name.startsWith('expert.') && kind === 'single-task')
        return Math.floor((i % (tasks * spec.hidden)) / spec.hidden)
      return null
    }),
  )
}

for (const spec of smallArchitectures) {
  test(`${spec.kind}: a task's loss moves nothing of another task`, async () => {
    const built = build(spec, inputs, tasks)
    const owner = owners(built, spec)

    for (const [task, gradient] of (await gradients(built)).entries()) {
      const moved = owner.filter((own, i) => own !== null && own !== task && gradient[i] !== 0)
      assert.deepEqual(moved, [], `task ${task} moves weights of others`)
    }
    if (spec.kind === 'single-task') assert.equal(owner.includes(null), false)
  })

  test(`${spec.kind}: every parameter gets a gradient from its tasks`, async () => {
    const built = build(spec, inputs, tasks)
    const owner = owners(built, spec)
    const all = await gradients(built)

    for (const { name, offset, size } of built.layout.parameters) {
      for (const [task, gradient] of all.entries()) {
        const own = Array.from({ length: size }, (_, i) => offset + i).filter(
          (i) => owner[i] === task || owner[i] === null,
        )
        const still = own.filter((i) => gradient[i] === 0)
        // A unit that is below zero for every row is still.
        assert.ok(
          still.length <= own.length / 2,
          `${name}: ${still.length} of ${own.length} get none from task ${task}`,
        )
      }
    }
  })

  test(`${spec.kind}: learns products and sums of its inputs from random weights`, async () => {
    const built = build({ ...spec, hidden: 24, tower: 16 }, inputs, tasks)
    const rows = 256
    const x = draw(rows * inputs, 7)
    const labels = Float32Array.from({ length: rows * tasks }, (_, at) => {
      const [row, task] = [Math.floor(at / tasks) * inputs, at % tasks]
      const [a, b, c] = [x[row]!, x[row + 1]!, x[row + 2]!]
      return Number([a * b > 0, a + c > 0.3, Math.abs(c) > 0.7][task]!)
    })
    const optimizer = createOptimizer(built.layout.size, { optimizer: { kind: 'adam' } })
    const program = record({
      inputs: { x: float(rows, inputs), labels: float(rows, tasks) },
      state: { weights: float(built.layout.size), ...optimizer.state },
      run: (given, { weights, ...state }) => {
        const loss = (flat: tf.Tensor) => {
          const logits = built.logits(flat, given.x!)
          return tf.mean(tf.sub(tf.softplus(logits), tf.mul(logits, given.labels!))) as tf.Scalar
        }
        const { value, grad } = tf.valueAndGrad(loss)(weights!)
        const next = optimizer.update(weights!, grad, 0.01, state)
        return { outputs: { loss: value }, state: { weights: next.weights, ...next.state } }
      },
    })
    const session = await cpu.open(program, {
      threads: 1,
      state: { weights: built.layout.initialize(createRandom(1)) },
    })
    const losses: number[] = []
    for (let step = 0; step < 200; step++) losses.push((await session.run({ x, labels })).loss![0]!)
    await session.close()

    assert.ok(losses[0]! > 0.6, `the first loss is ${losses[0]}`)
    assert.ok(losses.at(-1)! < 0.1, `the last loss is ${losses.at(-1)}`)
  })
}
