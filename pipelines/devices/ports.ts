import type { Device, DeviceName, Session } from '../../models/engine/device.ts'
import type { TypedArray } from '../../models/engine/program.ts'

/** What a device is chosen for. */
export interface Subject {
  readonly purpose: Purpose
  readonly ranker: string
  /** Everything that decides how fast it runs, but for the machine. */
  readonly key: string
}

/** The same as something to run on several devices, to see which is fastest. */
export interface Trial extends Subject {
  open(device: Device): Promise<Session>
  feeds(): Readonly<Record<string, TypedArray>>
}
export type Purpose = 'training' | 'serving'

/** What came of a trial. */
export interface DeviceVerdict {
  readonly device: DeviceName
  /** Fastest first; empty where one device alone ran it, which there was nothing to time against. */
  readonly timed: readonly { readonly device: DeviceName; readonly ms: number }[]
  readonly refused: readonly { readonly device: DeviceName; readonly reason: string }[]
}

/** Keeps verdicts between processes. */
export interface VerdictMemory {
  /** The last verdict kept under `key`; null where there is none. */
  recall(key: string): Promise<DeviceVerdict | null>
  keep(key: string, verdict: DeviceVerdict): Promise<void>
}

export interface ChoosingContext {
  /** Fault where a device that was never tried is not here, or would take this process down. */
  check(name: DeviceName): Promise<void>
  /** Fault where the device is not here. */
  find(name: DeviceName): Promise<Device>
  readonly memory: VerdictMemory
  /** Changes when the machine does, or a runtime on it. */
  readonly machine: string
  /** For durations; may count from anywhere. */
  nowMs(): number
}
