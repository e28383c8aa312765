import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import type { Program, TensorSpec, TypedArray } from '../../../models/engine/program.ts'
import { record } from '../../../models/engine/record.ts'
import { type Binding, loadLibrary } from '../../../models/engine/tensorflow/library.ts'
import { tensorflowOf } from '../../../models/engine/tensorflow.ts'
import { tensorflowMissing } from './devices-here.ts'

const pair: TensorSpec = { shape: [2], dtype: 'float32' }
const adding = record({
  inputs: { x: pair },
  state: { sum: pair },
  run: ({ x }, { sum }) => ({ outputs: { before: sum! }, state: { sum: tf.add(sum!, x!) } }),
})
const x = Float32Array.of(1, 2)

/** A library that computes nothing: outputs are pairs of ones. Tells how many models and tensors it holds. */
function emptyLibrary() {
  const [models, tensors] = [new Set<number>(), new Map<number, TypedArray>()]
  let last = 0
  const createTensor = (data: TypedArray) => {
    tensors.set(++last, data)
    return last
  }
  const binding: Binding = {
    ...{ TF_Version: '0', TF_FLOAT: 1, TF_INT32: 3, TF_BOOL: 10, TF_ATTR_TYPE: 0, TF_ATTR_BOOL: 1 },
    loadSavedModel() {
      models.add(++last)
      return last
    },
    runSavedModel: (_model, _tensors, _inputs, outputs) =>
      outputs.split(',').map(() => ({ id: createTensor(Float32Array.of(1, 1)) })),
    deleteSavedModel: (model) => void assert.ok(models.delete(model), 'the model is held'),
    createTensor: (_shape, _type, data) => createTensor(data),
    tensorDataSync: (tensor) => tensors.get(tensor)!,
    deleteTensor: (tensor) => void assert.ok(tensors.delete(tensor), 'the tensor is held'),
    executeOp: () => [],
    isUsingGpuDevice: () => false,
  }
  const device = tensorflowOf({ binding, about: { runtime: '', hardware: '', notes: [] } })
  return { device, binding, held: () => [models.size, tensors.size] }
}
const failing = (message: string) => () => {
  throw new Error(`${message}\nat a place in the library`)
}

test('a session holds its model until it is closed, and no tensor between calls', async () => {
  const { device, held } = emptyLibrary()

  const session = await device.open(adding, { threads: 1 })
  await session.run({ x })
  await session.readState()
  assert.deepEqual(held(), [1, 0])
  await session.close()
  await session.close()

  assert.deepEqual(held(), [0, 0])
})

test('a graph that the library does not load is a fault with its reason and the way out', async () => {
  const { device, binding, held } = emptyLibrary()
  binding.loadSavedModel = failing('no such op')

  await assert.rejects(device.open(adding, { threads: 1 }), {
    code: 'ENGINE_GRAPH_REFUSED',
    message: /does not load the program \(no such op\); .* choose another device\.$/,
    cause: new Error('no such op\nat a place in the library'),
  })
  assert.deepEqual(held(), [0, 0])
})

test('a session whose state is refused, or cannot be set, leaves neither model nor tensors', async () => {
  const [refusing, breaking] = [emptyLibrary(), emptyLibrary()]
  breaking.binding.runSavedModel = failing('it broke')

  await assert.rejects(refusing.device.open(adding, { threads: 1, state: { sum: new Float32Array(3) } }), {
    code: 'ENGINE_STATE_MISMATCH',
  })
  await assert.rejects(breaking.device.open(adding, { threads: 1 }), { code: 'ENGINE_RUN_FAILED' })
  for (const { held } of [refusing, breaking]) assert.deepEqual(held(), [0, 0])
})

test('whatever fails in a run is a fault with the reason and the way out, and leaves no tensor', async () => {
  for (const part of ['createTensor', 'runSavedModel', 'tensorDataSync'] as const) {
    const { device, binding, held } = emptyLibrary()
    const session = await device.open(adding, { threads: 1 })
    binding[part] = failing('no memory')

    await assert.rejects(session.run({ x }), {
      code: 'ENGINE_RUN_FAILED',
      message: /failed to run the program \(no memory\)\. .*open it again .*fewer rows .*another device\.$/,
    })
    assert.deepEqual(held(), [1, 0], part)
  }
})

test('a state that cannot be read is a fault of the same code', async () => {
  const { device, binding } = emptyLibrary()
  const session = await device.open(adding, { threads: 1 })
  binding.runSavedModel = failing('no memory')

  await assert.rejects(session.readState(), { code: 'ENGINE_RUN_FAILED' })
})

test('a closed session says that it is closed', async () => {
  const { device } = emptyLibrary()
  const session = await device.open(adding, { threads: 1 })
  await session.close()

  await assert.rejects(session.run({ x }), { code: 'ENGINE_SESSION_CLOSED' })
  await assert.rejects(session.readState(), { code: 'ENGINE_SESSION_CLOSED' })
})

test('TensorFlow’s own refusal of a graph is that fault, in its words', { skip: tensorflowMissing }, async () => {
  const device = tensorflowOf(loadLibrary({ threads: 2 }))
  const named: Program = { ...adding, inputs: [{ ...adding.inputs[0]!, name: 'not a name' }] }

  await assert.rejects(device.open(named, { threads: 1 }), {
    code: 'ENGINE_GRAPH_REFUSED',
    message: /'input\.not a name'/,
  })
})
