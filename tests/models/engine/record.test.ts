import assert from 'node:assert/strict'
import { test } from 'node:test'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import type { TensorSpec } from '../../../models/engine/program.ts'
import { record } from '../../../models/engine/record.ts'
import { Fault } from '../../../models/spec/fault.ts'
import { runProgram, runStep } from './run-step.ts'

const pair: TensorSpec = { shape: [2], dtype: 'float32' }
const one: TensorSpec = { shape: [1], dtype: 'float32' }

/** The fault of recording a step over `x` [2]. */
function faultOf(run: (x: tf.Tensor) => Record<string, tf.Tensor>): Fault {
  try {
    record({ inputs: { x: pair }, run: ({ x }) => ({ outputs: run(x!) }) })
  } catch (fault) {
    assert.ok(fault instanceof Fault, `${fault}`)
    return fault
  }
  assert.fail('the step was recorded')
}
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

test('a tensor made outside the step is refused', async () => {
  await tf.setBackend('cpu')
  const outside = tf.tensor1d([1, 2])

  const fault = faultOf((x) => ({ y: tf.add(x, outside) }))
  assert.equal(fault.code, 'ENGINE_FOREIGN_TENSOR')
  assert.match(fault.message, /inside `run`, or pass values as inputs/)
  assert.equal(faultOf(() => ({ outside })).code, 'ENGINE_FOREIGN_TENSOR')
  outside.dispose()
})

test('a tensor that an earlier recording left behind is refused', () => {
  let left: tf.Tensor | undefined
  record({
    inputs: { x: pair },
    run: ({ x }) => {
      left = tf.keep(tf.neg(x!))
      return { outputs: { y: left } }
    },
  })

  assert.equal(faultOf((x) => ({ y: tf.add(x, left!) })).code, 'ENGINE_FOREIGN_TENSOR')
  left!.dispose()
})

test('an op that is not recorded is refused by name, with the line that used it', () => {
  const fault = faultOf((x) => ({ y: tf.atan(x) }))

  assert.equal(fault.code, 'ENGINE_OP_UNSUPPORTED')
  assert.match(fault.message, /does not record Atan, used at .*record\.test\.ts:\d+/)
  assert.match(fault.path!, /record\.test\.ts:\d+$/)
  assert.deepEqual(fault.details, { kernel: 'Atan' })
})

test('every op of TensorFlow.js that has no kernel here is refused, not computed by another backend', async () => {
  await tf.setBackend('cpu')
  const refused: Record<string, (x: tf.Tensor) => tf.Tensor> = {
    Acosh: (x) => tf.acosh(x),
    ArgMax: (x) => tf.argMax(x),
    Selu: (x) => tf.selu(x),
    TopK: (x) => tf.topk(x, 1).values,
    Reverse: (x) => tf.reverse(x),
    ResizeBilinear: (x) => tf.image.resizeBilinear(tf.reshape(x, [1, 2, 1]) as tf.Tensor3D, [4, 4]),
  }
  for (const [kernel, op] of Object.entries(refused)) {
    const fault = faultOf((x) => ({ y: op(x) }))

    assert.deepEqual([fault.code, fault.details.kernel], ['ENGINE_OP_UNSUPPORTED', kernel])
  }
})

test('shapes that do not fit are refused with the kernel and the line', () => {
  const cases = {
    Add: (x: tf.Tensor) => tf.add(x, tf.tensor1d([1, 2, 3])),
    Reshape: (x: tf.Tensor) => tf.reshape(x, [-1, 7]),
  }
  for (const [kernel, op] of Object.entries(cases)) {
    const fault = faultOf((x) => ({ y: op(x) }))

    assert.equal(fault.code, 'ENGINE_SHAPE_MISMATCH')
    assert.match(fault.message, new RegExp(`^${kernel} at .*record\\.test\\.ts:\\d+: `))
  }
})

test('what TensorFlow.js itself refuses is a fault with the line that asked for it', () => {
  const refused: Record<string, (x: tf.Tensor) => tf.Tensor> = {
    "'log' must be float32": (x) => tf.log(tf.cast(x, 'int32')),
    'must match length of perm': (x) => tf.transpose(x, [1, 0]),
    'Cannot compute gradient': (x) => tf.grad(() => tf.scalar(1))(x),
  }
  for (const [reason, op] of Object.entries(refused)) {
    const fault = faultOf((x) => ({ y: op(x) }))

    assert.equal(fault.code, 'ENGINE_OP_REFUSED', reason)
    assert.match(fault.message, new RegExp(`^TensorFlow\\.js at .*record\\.test\\.ts:\\d+: .*${reason}`))
    assert.match(fault.path!, /record\.test\.ts:\d+$/)
    assert.ok(fault.cause instanceof Error)
  }
})

test('an error of the step itself stays as it is', () => {
  const broken = new Error('the step broke')
  const run = () => {
    throw broken
  }

  assert.throws(
    () => record({ inputs: { x: pair }, run }),
    (error) => error === broken,
  )
})

test('reading a value while recording is refused, except of a constant', () => {
  let constant: tf.BackendValues | undefined
  record({
    inputs: { x: pair },
    run: ({ x }) => {
      constant = tf.tensor1d([1, 2]).dataSync()
      return { outputs: { y: x! } }
    },
  })

  assert.deepEqual(constant, Float32Array.of(1, 2))
  const fault = faultOf((x) => ({ y: tf.mul(x, x.dataSync()[0]!) }))
  assert.equal(fault.code, 'ENGINE_VALUE_UNKNOWN')
})

test('a recording inside a recording is refused, and the outer one ends cleanly', () => {
  const fault = faultOf((x) => {
    record({ inputs: { y: pair }, run: ({ y }) => ({ outputs: { z: y! } }) })
    return { x }
  })

  assert.equal(fault.code, 'ENGINE_RECORDING_NESTED')
  assert.equal(record({ inputs: { x: pair }, run: ({ x }) => ({ outputs: { y: tf.neg(x!) } }) }).nodes.length, 1)
})

test('state must come back as it was declared', () => {
  const next: Record<string, (s: tf.Tensor) => Record<string, tf.Tensor>> = {
    missing: () => ({}),
    another: (s) => ({ s, t: s }),
    misspelt: (s) => ({ S: s }),
    longer: (s) => ({ s: tf.concat([s, s]) }),
    'of another shape': (s) => ({ s: tf.reshape(s, [2, 1]) }),
    'of another type': (s) => ({ s: tf.cast(s, 'int32') }),
  }
  for (const [how, state] of Object.entries(next)) {
    assert.throws(
      () => record({ inputs: {}, state: { s: pair }, run: (_, { s }) => ({ outputs: {}, state: state(s!) }) }),
      { code: 'ENGINE_STATE_MISMATCH', message: /State "[sSt]"/ },
      how,
    )
  }
  assert.throws(
    () => record({ inputs: { x: one }, run: ({ x }) => ({ outputs: {}, state: { s: x! } }) }),
    { code: 'ENGINE_STATE_MISMATCH' },
    'undeclared',
  )
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
  faultOf((x) => ({ y: tf.atan(x) }))
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
  faultOf((x) => ({ y: tf.atan(tf.neg(x)) }))

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
