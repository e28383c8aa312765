import type { DeviceName } from '../../models/engine/device.ts'

/** Why an aim is missed, in a sentence that measurements bear out. The page of results prints it beneath the aim. */
export interface Cause {
  readonly part: string
  readonly device: DeviceName
  readonly rival: string
  readonly because: string
}

export const causes: readonly Cause[] = []
