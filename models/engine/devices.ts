import { cpu } from './cpu.ts'
import type { Device, DeviceName } from './device.ts'

/**
 * The device of that name. Fault `ENGINE_DEVICE_MISSING` says what it needs that is not here, and how to get it.
 * Runtimes other than the default are loaded when first asked for; `threads` are for TensorFlow, which takes them then,
 * for the whole process.
 */
export async function findDevice(name: DeviceName, threads?: number): Promise<Device> {
  if (name === 'tensorflow') return (await import('./tensorflow.ts')).loadTensorflow(threads)
  if (name === 'webgpu') return (await import('./webgpu.ts')).loadWebgpu()
  return cpu
}
