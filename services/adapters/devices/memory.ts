import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type DeviceName, deviceNames } from '../../../models/engine/device.ts'
import type { DeviceVerdict, VerdictMemory } from '../../../pipelines/devices/ports.ts'
import { onDisk } from '../disk-faults.ts'

export const verdictsFile = 'devices.json'
/** Of definitions that are long gone, nothing is kept. */
const mostKept = 64

/** `<dataFolder>/devices.json`: by key, newest last. One that cannot be read is as one that is not there. */
export function createVerdictMemory(dataFolder: string): VerdictMemory {
  const file = join(dataFolder, verdictsFile)
  const read = async (): Promise<readonly (readonly [string, DeviceVerdict])[]> => {
    try {
      const kept: unknown = JSON.parse(await readFile(file, 'utf8'))
      return Object.entries(kept ?? {}).filter((entry): entry is [string, DeviceVerdict] => isVerdict(entry[1]))
    } catch {
      return []
    }
  }
  return {
    async recall(key) {
      return (await read()).find(([each]) => each === key)?.[1] ?? null
    },
    keep: (key, verdict) =>
      onDisk(dataFolder, async () => {
        const others = (await read()).filter(([each]) => each !== key)
        const kept = Object.fromEntries([...others, [key, verdict] as const].slice(-mostKept))
        await mkdir(dataFolder, { recursive: true, mode: 0o700 })
        // Whole or not at all, for who reads it meanwhile.
        const written = `${file}.${process.pid}`
        await writeFile(written, JSON.stringify(kept, null, 1))
        await rename(written, file)
      }),
  }
}

const isDevice = (value: unknown): value is DeviceName => deviceNames.some((name) => name === value)

function isVerdict(value: unknown): value is DeviceVerdict {
  const { device, timed, refused } = (value ?? {}) as { device?: unknown; timed?: unknown; refused?: unknown }
  const listOf = (list: unknown, field: string, type: 'number' | 'string') =>
    Array.isArray(list) && list.every((each) => isDevice(each?.device) && typeof each[field] === type)
  return isDevice(device) && listOf(timed, 'ms', 'number') && listOf(refused, 'reason', 'string')
}
