import { after, before, describe } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import type { Device, Session } from '../../../../models/engine/device.ts'
import { record } from '../../../../models/engine/record.ts'
import { loadWebgpu } from '../../../../models/engine/webgpu.ts'
import { Fault } from '../../../../models/spec/fault.ts'

const found = await loadWebgpu().catch((cause: unknown) => {
  const isMissing = cause instanceof Fault && cause.code === 'ENGINE_DEVICE_MISSING'
  if (isMissing && process.env.TEST_WEBGPU !== 'required') return cause.message
  throw cause
})

/** A suite on the WebGPU adapter of this machine; without one it is skipped, or fails where `TEST_WEBGPU=required`. */
export function onAdapter(suite: (device: Device) => void): void {
  if (typeof found === 'string') {
    describe('on a WebGPU adapter', { skip: found }, () => {})
    return
  }
  describe('on a WebGPU adapter', () => suite(found))
}

/** Compiled shaders live as long as any session does: with this one they serve all tests of a suite. */
export function holdShaders(device: Device): void {
  let held: Session | undefined
  before(async () => {
    const program = record({ inputs: {}, run: () => ({ outputs: { one: tf.scalar(1) } }) })
    held = await device.open(program, { threads: 1 })
  })
  after(() => held?.close())
}
