import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Adapter {
  readonly hardware: string
  readonly notes: readonly string[]
}

/** Drivers that compute on the processor. */
const software = /swiftshader|lvp/
const systems: Readonly<Record<string, string>> = { darwin: 'Metal', win32: 'Direct3D 12' }

/** Vulkan drivers among the libraries of a process, as `/proc/self/maps` lists them. */
export const vulkanDrivers = (maps: string): string[] => [
  ...new Set(
    [...maps.matchAll(/\/((?:libvk_|libvulkan_|libGLX_nvidia|amdvlk)[^/\s]*\.so[^/\s]*)$/gm)].map(([, name]) => name!),
  ),
]

/** What is known of the adapter that is in use in this process: the runtime itself does not tell. */
export async function describeAdapter(): Promise<Adapter> {
  const system = systems[process.platform]
  if (system !== undefined) return { hardware: `the adapter that ${system} prefers`, notes: [] }
  const drivers = vulkanDrivers(await readFile('/proc/self/maps', 'utf8').catch(() => ''))
  const models = await nvidiaModels()
  const names = drivers.some((driver) => driver.includes('nvidia')) && models.length > 0 ? [models.join(', ')] : []
  return {
    hardware: [...names, `Vulkan, driver ${drivers.join(' or ') || 'unknown'}`].join(', '),
    notes:
      drivers.length > 0 && drivers.every((driver) => software.test(driver))
        ? ['A software driver, which computes on the processor: slower than the device "cpu".']
        : [],
  }
}

async function nvidiaModels(): Promise<string[]> {
  const folder = '/proc/driver/nvidia/gpus'
  const gpus = await readdir(folder).catch(() => [])
  const texts = await Promise.all(gpus.map((gpu) => readFile(join(folder, gpu, 'information'), 'utf8').catch(() => '')))
  return texts.flatMap((text) => /^Model:\s*(.+)$/m.exec(text)?.[1]?.trim() ?? [])
}
