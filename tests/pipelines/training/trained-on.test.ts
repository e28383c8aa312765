import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import type { Device, Precision } from '../../../models/engine/device.ts'
import { train } from '../../../pipelines/training/train.ts'
import { rankerWith, sourceOf, worldOf } from './small-source.ts'

/** The processor under another name, with the precision of every program that it was asked to open. */
function otherDevice() {
  const asked: { readonly precision: Precision; readonly isTraining: boolean }[] = []
  const device: Device = {
    ...cpu,
    name: 'tensorflow',
    about: { ...cpu.about, runtime: 'TensorFlow 1.2.3' },
    precisions: ['float32', 'bfloat16'],
    open(program, options) {
      asked.push({ precision: options.precision ?? 'float32', isTraining: program.state.length > 0 })
      return cpu.open(program, { ...options, precision: 'float32' })
    },
  }
  return { device, asked }
}
const context = {
  ...{ definition: rankerWith({ epochs: 1 }), source: sourceOf(worldOf(100)), threads: 1, parent: null },
  report: () => {},
}

test('a version says what it was trained on: device, runtime and precision', async () => {
  const { device } = otherDevice()

  const [plain, narrow] = [
    await train({ ...context, device: cpu }),
    await train({ ...context, device, precision: 'bfloat16' }),
  ]

  assert.deepEqual(plain.content.trainedOn, { device: 'cpu', runtime: cpu.about.runtime, precision: 'float32' })
  assert.deepEqual(narrow.content.trainedOn, {
    device: 'tensorflow',
    runtime: 'TensorFlow 1.2.3',
    precision: 'bfloat16',
  })
})

test('steps multiply in the precision asked for, and what is measured is scored in float32', async () => {
  const { device, asked } = otherDevice()

  await train({ ...context, device, precision: 'bfloat16' })

  assert.ok(asked.some(({ isTraining }) => isTraining) && asked.some(({ isTraining }) => !isTraining))
  for (const { precision, isTraining } of asked) assert.equal(precision, isTraining ? 'bfloat16' : 'float32')
})
