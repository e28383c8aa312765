import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createNetwork } from '../../../models/architectures/network.ts'
import { openOnnxFile } from '../../../models/engine/cpu.ts'
import type { Device, Session } from '../../../models/engine/device.ts'
import { readSafetensors } from '../../../models/engine/safetensors.ts'
import { scoringProgram, withConstants } from '../../../models/objectives/scoring-program.ts'
import { graphFile, type Manifest, weightsFile } from '../../../pipelines/training/version.ts'

type Described = Pick<Manifest, 'definition' | 'statistics' | 'calibration'>

/**
 * The scoring graph of a version for `bucket` candidates, on any device. On `cpu` it is the version's own file, whose
 * weights are mapped into memory; other devices hold a copy of the weights for each graph.
 */
export async function openGraph(
  folder: string,
  manifest: Described,
  bucket: number,
  device: Device,
  threads: number,
): Promise<Session> {
  if (device.name === 'cpu') return openOnnxFile(join(folder, graphFile(bucket)), { threads })
  const weights = readSafetensors(await readFile(join(folder, weightsFile)))
  const state = Object.fromEntries([...weights].map(([name, { data }]) => [name, data]))
  const { definition, statistics, calibration } = manifest
  const calibrations = definition.tasks.map(({ name }) => calibration[name]!)
  const program = scoringProgram(definition, createNetwork(definition, statistics), calibrations, bucket)
  return device.name === 'tensorflow'
    ? device.open(program, { threads, state })
    : device.open(withConstants(program, state), { threads })
}
