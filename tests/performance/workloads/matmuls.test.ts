import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { cpu } from '../../../models/engine/cpu.ts'
import { optimize } from '../../../models/engine/optimize.ts'
import type { Program } from '../../../models/engine/program.ts'
import { record } from '../../../models/engine/record.ts'
import { sizes } from './experts-model.ts'
import { trainingStep } from './experts-training.ts'
import { distinct, matmulProgram, matmulsOf } from './matmuls.ts'

/** relu(x a) turned times itself: two multiplications, and steps between them. */
const small = record({
  inputs: { x: { shape: [2, 3], dtype: 'float32' }, a: { shape: [3, 4], dtype: 'float32' } },
  run({ x, a }) {
    const hidden = tf.relu(tf.matMul(x!, a!))
    return { outputs: { square: tf.matMul(hidden, hidden, true, false) } }
  },
})

const factors = {
  a0: Float32Array.of(1, 2, 3, 4, 5, 6),
  b0: Float32Array.of(1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1),
  a1: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  b1: Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0),
}
const products = {
  c0: [1, 2, 3, 6, 4, 5, 6, 15],
  // Turned: column i of a1 meets column j of b1, so rows (1, 5), (2, 6), (3, 7), (4, 8) and two zero columns.
  c1: [1, 5, 0, 0, 2, 6, 0, 0, 3, 7, 0, 0, 4, 8, 0, 0],
}
const multiplications = (program: Program) => program.nodes.filter(({ kernel }) => kernel === 'BatchMatMul').length

test('multiplications are named by their shapes and counted as two operations a multiply-add', () => {
  const found = matmulsOf(small).map(({ name, gflop }) => [name, gflop * 1e9])

  assert.deepEqual(found, [
    ['[2, 3] x [3, 4]', 48],
    ["[2, 4]' x [2, 4]", 64],
  ])
})

test('given at each run, the matrices are multiplied and the greatest entries come out', async () => {
  const program = matmulProgram(matmulsOf(small), 'given')
  const session = await cpu.open(program, { threads: 1 })

  const { c0, c1 } = await session.run(factors)
  await session.close()

  assert.equal(multiplications(program), 2)
  assert.deepEqual([[...c0!], [...c1!]], [[15], [8]])
})

test('kept between runs, the matrices go neither in nor out, and stay as they are', async () => {
  const program = matmulProgram(matmulsOf(small), 'kept')
  const session = await cpu.open(program, { threads: 1, state: factors })

  const outputs = [await session.run({}), await session.run({})]
  const { c0, c1, ...state } = await session.readState()
  await session.close()

  assert.equal(multiplications(program), 2)
  assert.deepEqual(outputs, [{}, {}])
  assert.deepEqual({ c0: [...c0!], c1: [...c1!] }, products)
  assert.deepEqual(state, factors)
})

test('multiplications of the same shapes are measured once', () => {
  const twice = [...matmulsOf(small), ...matmulsOf(small)]

  assert.deepEqual(distinct(twice), matmulsOf(small))
})

test('the training step multiplies as much as its model says: twice what reads the rows, three times the rest', () => {
  const rows = 8
  const { inputs, hidden, outputs, experts, tasks, tower } = sizes
  const readingRows = rows * (experts * inputs * hidden + tasks * inputs * experts)
  const others = rows * (experts * hidden * outputs + tasks * (experts * outputs + outputs * tower + tower))

  const gflop = matmulsOf(optimize(record(trainingStep(rows)))).reduce((sum, each) => sum + each.gflop, 0)

  assert.ok(Math.abs(gflop * 1e9 - 2 * (2 * readingRows + 3 * others)) < 1)
})
