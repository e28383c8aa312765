import { cpu } from './cpu.ts'
import type { Device, DeviceName } from './device.ts'

/**
 * The device of that name. Fault `ENGINE_DEVICE_MISSING` says what it needs that is not here, and how to get it.
 * Runtimes other than the default are loaded when first asked for.
 */
export async function findDevice(name: DeviceName): Promise<Device> {
  if (name === 'tensorflow') return (await import('./tensorflow.ts')).loadTensorflow()
  if (name === 'webgpu') return (await import('./webgpu.ts')).loadWebgpu()
  return cpu
}
