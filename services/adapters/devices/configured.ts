import type { Device } from '../../../models/engine/device.ts'
import { findDevice } from '../../../models/engine/devices.ts'
import type { TrainingEngine } from '../../../models/spec/engine-settings.ts'
import { chooseDevice, sayVerdict } from '../../../pipelines/devices/choose-device.ts'
import type { ChoosingContext, Trial } from '../../../pipelines/devices/ports.ts'
import { describeMachine } from './machine.ts'
import { createVerdictMemory } from './memory.ts'
import { checkDevice } from './probe.ts'

/** What `auto` goes by on this machine; its verdicts are kept in the data folder. */
export const choosingContext = (dataFolder: string, threads?: number): ChoosingContext => ({
  check: checkDevice,
  find: (name) => findDevice(name, threads),
  memory: createVerdictMemory(dataFolder),
  machine: describeMachine(),
  nowMs: () => performance.now(),
})

/**
 * The device that is configured; for `auto` the one that runs the trial fastest: where that was found out now, `say`
 * hears why. Fault `ENGINE_DEVICE_MISSING`.
 */
export async function configuredDevice(
  { device: configured, threads }: Pick<TrainingEngine, 'device' | 'threads'>,
  prepare: () => Trial | Promise<Trial>,
  dataFolder: string,
  say: (verdict: string) => void,
): Promise<Device> {
  if (configured !== 'auto') return findDevice(configured, threads)
  const trial = await prepare()
  const { device, verdict, isNew } = await chooseDevice(trial, choosingContext(dataFolder, threads))
  if (isNew) say(sayVerdict(trial.purpose, verdict))
  return device
}
