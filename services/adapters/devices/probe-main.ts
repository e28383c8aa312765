import type { DeviceName } from '../../../models/engine/device.ts'
import { findDevice } from '../../../models/engine/devices.ts'
import { Fault } from '../../../models/spec/fault.ts'
import type { DeviceFinding } from './probe.ts'

/** Looks for one device in a process of its own, and says what it found: a runtime may end the process it is loaded in. */
async function look(name: DeviceName): Promise<DeviceFinding> {
  try {
    const { about, precisions } = await findDevice(name)
    return { device: name, isHere: true, about, precisions }
  } catch (error) {
    const { message } = error as Error
    return { device: name, isHere: false, code: error instanceof Fault ? error.code : 'ENGINE_DEVICE_BROKEN', message }
  }
}

process.send!(await look(process.argv[2] as DeviceName), () => process.exit(0))
