import { Fault } from '../spec/fault.ts'
import type { Device } from './device.ts'

export async function loadWebgpu(): Promise<Device> {
  throw new Fault('ENGINE_DEVICE_MISSING', 'This machine has no WebGPU adapter.')
}
