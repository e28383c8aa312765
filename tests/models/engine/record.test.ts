import assert from 'node:assert/strict'
import { test } from 'node:test'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import type { TensorSpec } from '../../../models/engine/program.ts'
import { record } from '../../../models/engine/record.ts'
import { Fault } from '../../../models/spec/fault.ts'
import { runProgram, runStep } from './run-step.ts'

const pair: TensorSpec = { shape: [2], dtype: 'float32' }

/** Records a step that is refused. */
const refuse = (run: (x: tf.Tensor) => tf.Tensor) =>
  assert.throws(() => record({ inputs: { x: pair }, run: ({ x }) => ({ outputs: { y: run(x!) } }) }), Fault)
const tensors = () => tf.engine().state.numTensors

test('a recording lists the kernels that the step called, in order, with shapes, inputs and attributes', () => {
  const program = record({
    inputs: { x: { shape: [2, 3], dtype: 'float32' }, y: { shape: [3], dtype: 'float32' } },
    run: ({ x, y }) => ({ outputs: { total: tf.sum(tf.mul(x!, y!), 1) } }),
  })
  const [x, y] = program.inputs.map(({ value }) => value)

  assert.deepEqual(
    program.nodes.map(({ kernel, inputs, attributes }) => ({ kernel, inputs, attributes })),
    [
      { kernel: 'Multiply', inputs: [x, y], attributes: {} },
      { kernel: 'Sum', inputs: program.nodes[0]!.outputs, attributes: { axes: [1], keepDims: false } },
    ],
  )
  assert.deepEqual(program.outputs, [{ name: 'total', value: program.nodes[1]!.outputs[0] }])
  assert.deepEqual(program.values[program.outputs[0]!.value], { shape: [2], dtype: 'float32' })
  assert.deepEqual(program.values[program.nodes[0]!.outputs[0]!], { shape: [2, 3], dtype: 'float32' })
})

test('a step runs once, at recording, however often the program runs', async () => {
  let calls = 0
  const program = record({
    inputs: { x: pair },
    run: ({ x }) => {
      calls++
      return { outputs: { y: tf.mul(x!, 2) } }
    },
  })
  for (const value of [1, 2, 3]) {
    assert.deepEqual(await runProgram(program, { x: Float32Array.of(value, 0) }), { y: Float32Array.of(2 * value, 0) })
  }

  assert.equal(calls, 1)
})

test('constants made inside the step are part of the program, of every type', async () => {
  const outputs = await runStep(
    {
      inputs: { x: pair },
      run: ({ x }) => ({
        outputs: {
          floats: tf.add(x!, tf.tensor1d([0.5, -0.5])),
          whole: tf.tensor1d([3, 4], 'int32'),
          truth: tf.logicalNot(tf.tensor1d([true, false], 'bool')),
          scalar: tf.mul(x!, 3),
        },
      }),
    },
    { x: Float32Array.of(1, 2) },
  )

  assert.deepEqual(outputs, {
    floats: Float32Array.of(1.5, 1.5),
    whole: Int32Array.of(3, 4),
    truth: Uint8Array.of(0, 1),
    scalar: Float32Array.of(3, 6),
  })
})

test('an output may be an input, a constant, or another output', async () => {
  const outputs = await runStep(
    {
      inputs: { x: pair },
      run: ({ x }) => {
        const y = tf.neg(x!)
        return { outputs: { same: x!, constant: tf.tensor1d([7]), y, again: y } }
      },
    },
    { x: Float32Array.of(1, 2) },
  )

  assert.deepEqual(outputs, {
    same: Float32Array.of(1, 2),
    constant: Float32Array.of(7),
    y: Float32Array.of(-1, -2),
    again: Float32Array.of(-1, -2),
  })
})

test('gradients are recorded as kernels like any others', async () => {
  const { slope } = await runStep(
    { inputs: { x: pair }, run: ({ x }) => ({ outputs: { slope: tf.grad((z) => tf.sum(tf.square(z)))(x!) } }) },
    { x: Float32Array.of(3, -4) },
  )

  assert.deepEqual(slope, Float32Array.of(6, -8))
})

test('the backend that was in use is in use again, after success and after a fault', async () => {
  await tf.setBackend('cpu')
  const depth = Error.stackTraceLimit
  Error.stackTraceLimit = 7
  const sum = () => tf.tidy(() => tf.add(tf.tensor1d([1, 2]), 1).arraySync())

  record({ inputs: { x: pair }, run: ({ x }) => ({ outputs: { y: tf.exp(x!) } }) })
  assert.equal(tf.getBackend(), 'cpu')
  assert.deepEqual(sum(), [2, 3])

  assert.throws(() =>
    record({
      inputs: { x: pair },
      run: () => {
        throw new Error('the step broke')
      },
    }),
  )
  refuse(tf.atan)
  assert.equal(tf.getBackend(), 'cpu')
  assert.deepEqual(sum(), [2, 3])
  assert.equal(Error.stackTraceLimit, 7)
  Error.stackTraceLimit = depth
})

test('recording leaves no tensor behind', async () => {
  await tf.setBackend('cpu')
  const step = () =>
    record({
      inputs: { x: pair },
      state: { s: pair },
      run: ({ x }, { s }) => {
        const { value, grads } = tf.valueAndGrads((a, b) => tf.sum(tf.mul(tf.tanh(a!), b!)))([x!, s!])
        return { outputs: { value, slope: grads[0]! }, state: { s: tf.sub(s!, grads[1]!) } }
      },
    })
  const before = tensors()
  for (let i = 0; i < 3; i++) step()
  refuse((x) => tf.atan(tf.neg(x)))

  assert.equal(tensors(), before)
})

test('recording the same step twice gives the same program', () => {
  const program = () =>
    record({
      inputs: { x: pair },
      run: ({ x }) => ({ outputs: { y: tf.grad((z) => tf.sum(tf.softmax(tf.mul(z, 2))))(x!) } }),
    })

  assert.deepEqual(program(), program())
})

test('gradients are the engine’s own, whatever another package put in their place', async () => {
  tf.registerGradient({ kernelName: 'Square', inputsToSave: ['x'], gradFunc: () => ({ x: () => tf.zeros([2]) }) })

  const { slope } = await runStep(
    { inputs: { x: pair }, run: ({ x }) => ({ outputs: { slope: tf.grad((y) => tf.sum(tf.square(y)))(x!) } }) },
    { x: Float32Array.of(1, 3) },
  )

  assert.deepEqual(slope, Float32Array.of(2, 6))
})
