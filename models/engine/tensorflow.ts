import { Fault } from '../spec/fault.ts'
import type { Device } from './device.ts'

export async function loadTensorflow(): Promise<Device> {
  throw new Fault('ENGINE_DEVICE_MISSING', 'TensorFlow is not installed: run `npm run setup:tensorflow`.')
}
