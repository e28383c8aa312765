import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { record } from '../../../../models/engine/record.ts'
import { loadTensorflow } from '../../../../models/engine/tensorflow.ts'
import { testRestart } from '../../../pipelines/training/restart-contract.ts'
import { testDevice } from '../device-contract.ts'
import { tensorflowMissing } from '../devices-here.ts'
import { testKernels } from '../kernel-contract.ts'
import { testLongRun } from '../long-run-process.ts'
import { testSteps } from '../oracle-steps.ts'

if (tensorflowMissing !== false) test('the device tensorflow', { skip: tensorflowMissing }, () => {})
else {
  const device = loadTensorflow()
  testDevice(device)
  testKernels(device, 1e-5)
  testSteps(device)
  testRestart(device, 2)
  testLongRun('tensorflow')

  test('in bfloat16 factors have 8 bits, sums have 24, and the state stays float32', async () => {
    const program = record({
      inputs: { x: { shape: [1, 2], dtype: 'float32' } },
      state: { w: { shape: [2, 1], dtype: 'float32' } },
      run: ({ x }, { w }) => ({
        outputs: { product: tf.matMul(x!, w!), sum: tf.add(x!, 1) },
        state: { w: tf.add(w!, 2 ** -20) },
      }),
    })
    const state = { w: Float32Array.of(1 + 2 ** -20, 2) }
    const session = await device.open(program, { threads: 1, state, precision: 'bfloat16' })

    const { product, sum } = await session.run({ x: Float32Array.of(1 + 2 ** -10, 4) })

    assert.deepEqual(product, Float32Array.of(9))
    assert.deepEqual(sum, Float32Array.of(2 + 2 ** -10, 5))
    assert.deepEqual((await session.readState()).w, Float32Array.of(1 + 2 ** -19, 2 + 2 ** -20))
    await session.close()
  })
}
