import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { taskLosses, totalLoss } from '../../../models/objectives/loss.ts'
import type { TaskSpec } from '../../../models/spec/tasks.ts'
import { runStep } from '../engine/run-step.ts'

const binary = (name: string, lossWeight?: number): TaskSpec => ({
  name,
  label: { rule: 'happened', kind: name },
  windowMs: 0,
  ...(lossWeight === undefined ? {} : { lossWeight }),
})
const value = (name: string, lossWeight?: number): TaskSpec => ({
  ...binary(name, lossWeight),
  label: { rule: 'value', kind: name },
})

type Matrix = readonly (readonly number[])[]

/** Losses by task, their weighted sum, and its slope in every logit. */
async function losses(tasks: readonly TaskSpec[], logits: Matrix, labels: Matrix, known: Matrix) {
  const shape = [logits.length, tasks.length]
  const spec = { shape, dtype: 'float32' as const }
  const outputs = await runStep(
    {
      inputs: { logits: spec, labels: spec, known: spec },
      run: (x) => {
        const lossesOf = (z: tf.Tensor) =>
          taskLosses(tasks, z as tf.Tensor2D, x.labels as tf.Tensor2D, x.known as tf.Tensor2D)
        const { value: total, grad } = tf.valueAndGrad((z: tf.Tensor) => totalLoss(tasks, lossesOf(z)))(x.logits!)
        return { outputs: { losses: lossesOf(x.logits!), total, slopes: grad } }
      },
    },
    {
      logits: Float32Array.from(logits.flat()),
      labels: Float32Array.from(labels.flat()),
      known: Float32Array.from(known.flat()),
    },
  )
  return { losses: [...outputs.losses!], total: outputs.total![0]!, slopes: [...outputs.slopes!] }
}
function assertClose(found: readonly number[], wanted: readonly number[], tolerance = 1e-5): void {
  assert.equal(found.length, wanted.length)
  found.forEach((each, i) => {
    const allowed = tolerance * Math.max(1, Math.abs(wanted[i]!))
    assert.ok(Math.abs(each - wanted[i]!) <= allowed, `${found}, not ${wanted}`)
  })
}

test('binary tasks: cross-entropy from logits, by hand', async () => {
  const { losses: found, slopes } = await losses([binary('a')], [[0], [2], [-3]], [[1], [0], [0]], [[1], [1], [1]])

  // ln 2, ln(1 + e^2), ln(1 + e^-3).
  assertClose(found, [(Math.LN2 + 2.126928 + 0.048587) / 3])
  assertClose(slopes, [-0.5 / 3, 0.880797 / 3, 0.047426 / 3])
})

test('value tasks: half the squared error, by hand', async () => {
  const { losses: found, slopes } = await losses([value('a')], [[3], [-1]], [[1], [-1.5]], [[1], [1]])

  assertClose(found, [(2 + 0.125) / 2])
  assertClose(slopes, [1, 0.25])
})

test('each task is the mean over its own known labels, whatever the labels of the others', async () => {
  const known = [
    [1, 1, 0],
    [1, 0, 0],
    [0, 0, 1],
    [1, 1, 1],
  ]
  const logits = [
    [0, 4, 9],
    [0, 9, 9],
    [9, 9, 0],
    [0, 1, 0],
  ]
  const labels = [
    [1, 0, 9],
    [0, 9, 9],
    [9, 9, 1],
    [1, 1, 0],
  ]
  const { losses: found, slopes } = await losses([binary('a'), value('b'), binary('c')], logits, labels, known)

  assertClose(found, [Math.LN2, 8 / 2, Math.LN2])
  assertClose(slopes, [-1 / 6, 2, 0, 1 / 6, 0, 0, 0, 0, -1 / 4, -1 / 6, 0, 1 / 4])
})

test('a task without a known label has loss 0 and no gradient', async () => {
  for (const tasks of [
    [binary('a'), binary('b')],
    [binary('a'), value('b')],
  ]) {
    const { losses: found, slopes } = await losses(
      tasks,
      [
        [1, 30],
        [2, -30],
      ],
      [
        [1, 0],
        [0, 1],
      ],
      [
        [1, 0],
        [1, 0],
      ],
    )

    assert.equal(found[1], 0)
    assert.deepEqual([slopes[1]! + 0, slopes[3]! + 0], [0, 0])
    assert.notEqual(slopes[0], 0)
  }
})

test('a batch without any known label has loss 0', async () => {
  const { losses: found, total, slopes } = await losses([binary('a'), value('b')], [[5, 5]], [[0, 0]], [[0, 0]])

  assert.deepEqual([...found, total], [0, 0, 0])
  assert.deepEqual(
    slopes.map((slope) => slope + 0),
    [0, 0],
  )
})

test('losses and gradients stay finite and right for extreme logits', async () => {
  const extremes = [50, 100, 1e4, 1e15]
  for (const z of extremes.flatMap((each) => [each, -each])) {
    for (const label of [0, 1]) {
      const { losses: found, slopes } = await losses([binary('a'), value('b')], [[z, 0]], [[label, 0]], [[1, 1]])
      const wrong = z > 0 !== (label === 1)

      assertClose([found[0]!], [wrong ? Math.abs(z) : 0])
      assertClose([slopes[0]!], [wrong ? Math.sign(z) : 0])
      assert.equal(found[1], 0)
    }
  }
})

test('the total is the sum of the losses, each with its weight (1 where none is given)', async () => {
  const tasks = [binary('a', 3), value('b'), value('c', 0), binary('d', 0.5)]
  const logits = [[0, 2, 5, 0]]
  const { losses: found, total, slopes } = await losses(tasks, logits, [[1, 0, 0, 0]], [[1, 1, 1, 1]])

  assertClose(found, [Math.LN2, 2, 12.5, Math.LN2])
  assertClose([total], [3 * Math.LN2 + 2 + 0.5 * Math.LN2])
  assertClose(slopes, [-1.5, 2, 0, 0.25])
})

test('losses and gradients follow their formulas for any tasks, labels and masks', async () => {
  const task = fc.record({ isValue: fc.boolean(), weight: fc.constantFrom(undefined, 0.5, 2) })
  const cell = fc.record({
    z: fc.integer({ min: -80, max: 80 }).map((each) => each / 8),
    y: fc.integer({ min: 0, max: 1 }),
    known: fc.integer({ min: 0, max: 1 }),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(task, { minLength: 1, maxLength: 3 }),
      fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 6 }),
      async (kinds, rows) => {
        const tasks = kinds.map(({ isValue, weight }, i) =>
          isValue ? value(`t${i}`, weight) : binary(`t${i}`, weight),
        )
        const part = (name: 'z' | 'y' | 'known') => rows.map((row) => tasks.map((_, t) => row[t]![name]))
        const found = await losses(tasks, part('z'), part('y'), part('known'))

        const counts = tasks.map((_, t) =>
          Math.max(
            rows.reduce((sum, row) => sum + row[t]!.known, 0),
            1,
          ),
        )
        const wanted = kinds.map(({ isValue }, t) =>
          rows.reduce((sum, row) => {
            const { z, y, known } = row[t]!
            const loss = isValue ? (z - y) ** 2 / 2 : -Math.log(1 / (1 + Math.exp(y === 1 ? -z : z)))
            return sum + (known * loss) / counts[t]!
          }, 0),
        )
        assertClose(found.losses, wanted)
        assertClose([found.total], [wanted.reduce((sum, loss, t) => sum + (kinds[t]!.weight ?? 1) * loss, 0)])
        const slopes = rows.flatMap((row) =>
          kinds.map(({ isValue, weight = 1 }, t) => {
            const { z, y, known } = row[t]!
            return (weight * known * ((isValue ? z : 1 / (1 + Math.exp(-z))) - y)) / counts[t]!
          }),
        )
        assertClose(found.slopes, slopes)
      },
    ),
    { numRuns: 40 },
  )
})

test('a label that stands for several examples counts as so many of them', async () => {
  const tasks = [binary('a'), value('b')]
  const weighed = await losses(
    tasks,
    [
      [1, 2],
      [-1, 3],
    ],
    [
      [0, 5],
      [1, 1],
    ],
    [
      [4, 4],
      [1, 0],
    ],
  )
  const repeated = await losses(
    tasks,
    [...Array.from({ length: 4 }, () => [1, 2]), [-1, 3]],
    [...Array.from({ length: 4 }, () => [0, 5]), [1, 1]],
    [...Array.from({ length: 4 }, () => [1, 1]), [1, 0]],
  )

  assertClose(weighed.losses, repeated.losses)
  const ofFirst = [0, 1].map((task) => 4 * repeated.slopes[task]!)
  assertClose(weighed.slopes, [...ofFirst, ...repeated.slopes.slice(-2)])
})
