import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import * as ort from 'onnxruntime-node'
import { toOnnx } from '../../../models/engine/onnx/lower.ts'
import { optimize } from '../../../models/engine/optimize.ts'
import type { Program, TensorSpec } from '../../../models/engine/program.ts'
import { record } from '../../../models/engine/record.ts'

const matrix: TensorSpec = { shape: [2, 3], dtype: 'float32' }
const recorded = (run: (x: tf.Tensor, y: tf.Tensor) => Record<string, tf.Tensor>): Program =>
  record({ inputs: { x: matrix, y: matrix }, run: ({ x, y }) => ({ outputs: run(x!, y!) }) })
const kernelsOf = (program: Program) => optimize(program).nodes.map(({ kernel }) => kernel)

test('equal nodes are computed once, also where only their inputs are found equal', () => {
  const program = recorded((x, y) => ({
    first: tf.exp(tf.add(x, y)),
    second: tf.exp(tf.add(x, y)),
    other: tf.exp(tf.add(y, x)),
  }))

  assert.deepEqual(kernelsOf(program), ['Add', 'Exp', 'Add', 'Exp'])
  const { outputs } = optimize(program)
  assert.deepEqual(
    outputs.map(({ name }) => name),
    ['first', 'second', 'other'],
  )
  assert.equal(outputs[0]!.value, outputs[1]!.value)
  assert.notEqual(outputs[0]!.value, outputs[2]!.value)
})

test('nodes with several outputs are shared output by output', () => {
  const program = recorded((x) => {
    const [a, b, c] = tf.unstack(x, 1)
    const [d, e, f] = tf.unstack(x, 1)
    return { sum: tf.addN([a!, b!, c!]), again: tf.addN([d!, e!, f!]), mixed: tf.sub(a!, f!) }
  })

  assert.deepEqual(kernelsOf(program), ['Unpack', 'AddN', 'Sub'])
})

test('nodes that differ in attributes, shapes or inputs stay apart', () => {
  const program = recorded((x, y) => ({
    ...{ sum0: tf.sum(x, 0), sum1: tf.sum(x, 1), keep: tf.sum(x, 1, true), ofY: tf.sum(y, 0) },
    ...{ wide: tf.fill([2], 1), long: tf.fill([3], 1) },
    ...{ whole: tf.cast(x, 'int32'), truth: tf.cast(x, 'bool') },
  }))

  assert.equal(kernelsOf(program).length, 8)
})

test('numbers that JSON cannot tell apart stay apart', () => {
  const numbers = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  const program = recorded(() => Object.fromEntries(numbers.map((value, i) => [`fill${i}`, tf.fill([2], value)])))

  assert.deepEqual(
    optimize(program).nodes.map(({ attributes }) => attributes.value),
    numbers,
  )
})

test('nodes that nothing reads are gone, and what only they read with them', () => {
  const program = recorded((x, y) => {
    tf.matMul(tf.exp(x), tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]))
    return { kept: tf.mul(y, tf.tensor1d([1, 2, 3])) }
  })
  const optimized = optimize(program)

  assert.deepEqual(
    optimized.nodes.map(({ kernel }) => kernel),
    ['Multiply'],
  )
  assert.deepEqual([...optimized.constants.values()], [Float32Array.of(1, 2, 3)])
  assert.equal(program.constants.size, 2)
  assert.deepEqual(optimized.inputs, program.inputs)
})

test('nodes that only rename their input are gone, those that change it stay', () => {
  const renaming = recorded((x) => ({
    out: tf.tile(tf.slice(tf.cast(tf.reshape(tf.clone(x), [2, 3]), 'float32'), [0, 0], [2, 3]), [1, 1]),
  }))
  const changing = recorded((x) => ({
    flat: tf.reshape(x, [6]),
    wide: tf.expandDims(x, 0),
    whole: tf.cast(x, 'int32'),
    part: tf.slice(x, [0, 0], [1, 3]),
    twice: tf.tile(x, [2, 1]),
    turned: tf.transpose(x),
  }))

  assert.deepEqual(kernelsOf(renaming), [])
  assert.equal(optimize(renaming).outputs[0]!.value, renaming.inputs[0]!.value)
  assert.deepEqual(kernelsOf(changing), ['Reshape', 'ExpandDims', 'Cast', 'Slice', 'Tile', 'Transpose'])
})

test('what only the next state needs is kept', () => {
  const program = record({
    inputs: { x: matrix },
    state: { sum: matrix, same: matrix },
    run: ({ x }, { sum, same }) => ({
      outputs: { x2: tf.mul(x!, 2) },
      state: { sum: tf.add(sum!, tf.clone(x!)), same: tf.clone(same!) },
    }),
  })
  const optimized = optimize(program)

  assert.deepEqual(
    optimized.nodes.map(({ kernel }) => kernel),
    ['Multiply', 'Add'],
  )
  const same = optimized.state.find(({ name }) => name === 'same')!
  assert.equal(same.to, same.from)
})

test('optimizing leaves the program it was given as it was, and finds nothing more the second time', () => {
  const program = recorded((x, y) => ({ out: tf.add(tf.exp(tf.clone(x)), tf.exp(tf.add(x, y))), dead: tf.exp(x) }))
  const before = structuredClone(program)
  const once = optimize(program)

  assert.deepEqual(program, before)
  assert.deepEqual(optimize(once), once)
})

/** Ops on [2, 3], some of which change nothing. */
const ops: readonly ((a: tf.Tensor, b: tf.Tensor) => tf.Tensor)[] = [
  (a, b) => tf.add(a, b),
  (a, b) => tf.mul(a, b),
  (a, b) => tf.maximum(a, b),
  (a) => tf.tanh(a),
  (a) => tf.clone(a),
  (a) => tf.reshape(a, [2, 3]),
  (a) => tf.reshape(tf.reshape(a, [3, 2]), [2, 3]),
  (a) => tf.transpose(tf.transpose(a)),
  (a) => tf.concat([tf.slice(a, [0, 0], [1, 3]), tf.slice(a, [1, 0], [1, 3])], 0),
  (a) => tf.stack(tf.unstack(a, 1), 1),
  (a) => tf.cast(tf.greater(a, 0), 'float32'),
  (a) => tf.add(a, tf.sum(a, 1, true)),
  (a) => tf.clipByValue(a, Number.NEGATIVE_INFINITY, 0.5),
  (a) => tf.clipByValue(a, -0.5, Number.POSITIVE_INFINITY),
]

async function runPlainly(program: Program, feeds: Record<string, Float32Array>): Promise<number[][]> {
  const native = await ort.InferenceSession.create(toOnnx(program), { logSeverityLevel: 3, intraOpNumThreads: 1 })
  const results = await native.run(
    Object.fromEntries(Object.entries(feeds).map(([name, data]) => [name, new ort.Tensor('float32', data, [2, 3])])),
  )
  await native.release()
  return program.outputs.map(({ name }) => [...(results[name]!.data as Float32Array)])
}

test('random programs give the same results as before they were optimized', async () => {
  const choice = fc.nat({ max: 1000 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(choice, choice, choice), { minLength: 1, maxLength: 15 }),
      fc.array(choice, { minLength: 1, maxLength: 3 }),
      async (steps, read) => {
        const program = recorded((x, y) => {
          const values = [x, y]
          const pick = (index: number) => values[index % values.length]!
          for (const [op, a, b] of steps) values.push(ops[op % ops.length]!(pick(a), pick(b)))
          return Object.fromEntries(read.map((index, i) => [`out${i}`, pick(index)]))
        })
        const feeds = {
          x: Float32Array.of(-1.5, 0.25, 2, 0.75, -0.125, 1),
          y: Float32Array.of(0, 3, -2, 1.25, 0.5, -1),
        }
        const [found, wanted] = [await runPlainly(optimize(program), feeds), await runPlainly(program, feeds)]

        found.forEach((values, output) => {
          values.forEach((value, i) => {
            const expected = wanted[output]![i]!
            const close =
              Object.is(value, expected) || Math.abs(value - expected) <= 1e-5 * Math.max(1, Math.abs(expected))
            assert.ok(close, `output ${output}: ${values}, not ${wanted[output]}`)
          })
        })
        assert.ok(optimize(program).nodes.length <= program.nodes.length, 'optimizing added nodes')
      },
    ),
    { numRuns: 40 },
  )
})
