import assert from 'node:assert/strict'
import { test } from 'node:test'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import type { TensorSpec } from '../../../models/engine/program.ts'
import { record } from '../../../models/engine/record.ts'
import { Fault } from '../../../models/spec/fault.ts'

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
  assert.match(fault.message, /does not record Atan, used at .*record-refusals\.test\.ts:\d+/)
  assert.match(fault.path!, /record-refusals\.test\.ts:\d+$/)
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
    assert.match(fault.message, new RegExp(`^${kernel} at .*record-refusals\\.test\\.ts:\\d+: `))
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
    assert.match(fault.message, new RegExp(`^TensorFlow\\.js at .*record-refusals\\.test\\.ts:\\d+: .*${reason}`))
    assert.match(fault.path!, /record-refusals\.test\.ts:\d+$/)
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
