import type { DeviceName, Precision } from '../../../../models/engine/device.ts'
import { type EngineConfig, readEngineSettings } from '../../../../models/spec/engine-settings.ts'
import type { DeviceVerdict } from '../../../../pipelines/devices/ports.ts'
import type { DeviceFinding } from '../../../../services/adapters/devices/probe.ts'
import { type KnownVerdicts, type Use, usesOf } from '../../../../services/cli/doctor/uses.ts'
import { smallRanker } from '../../../flows/small-world.ts'

export const here = (
  device: DeviceName,
  precisions: readonly Precision[],
  ...notes: readonly string[]
): DeviceFinding => ({
  device,
  isHere: true,
  about: { runtime: `Runtime of ${device} 1.2.3`, hardware: 'Some Processor', notes },
  precisions,
})
export const notHere = (device: DeviceName, message: string): DeviceFinding => ({
  device,
  isHere: false,
  code: 'ENGINE_DEVICE_MISSING',
  message,
})

export const cpuFinding = here('cpu', ['float32'])
export const tensorflowFinding = here('tensorflow', ['float32', 'bfloat16'])
export const noTensorflow = notHere('tensorflow', 'It is not installed. `npm run setup:tensorflow` installs it.')
export const noWebgpu = notHere('webgpu', 'This machine has no adapter.')
/** A machine with nothing but what is always there. */
export const bare: readonly DeviceFinding[] = [cpuFinding, noTensorflow, noWebgpu]
export const withTensorflow: readonly DeviceFinding[] = [cpuFinding, tensorflowFinding, noWebgpu]

export const timed: DeviceVerdict = {
  device: 'tensorflow',
  timed: [
    { device: 'tensorflow', ms: 28 },
    { device: 'cpu', ms: 40 },
  ],
  refused: [],
}

/** Training and serving of one ranker. */
export function usesWith(
  engine: EngineConfig,
  devices: readonly DeviceFinding[] = bare,
  verdicts: KnownVerdicts = () => null,
): readonly [training: Use, serving: Use] {
  const [training, serving] = usesOf([smallRanker], readEngineSettings(engine), devices, verdicts)
  return [training!, serving!]
}
