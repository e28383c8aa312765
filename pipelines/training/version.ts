import { createHash } from 'node:crypto'
import type { Network } from '../../models/architectures/network.ts'
import { toOnnx } from '../../models/engine/onnx/lower.ts'
import { record } from '../../models/engine/record.ts'
import { type StoredTensor, writeSafetensors } from '../../models/engine/safetensors.ts'
import type { Calibration } from '../../models/objectives/calibration.ts'
import { deepTable, scoringStep, wideTable } from '../../models/objectives/scoring-step.ts'
import { canonical, definitionHash } from '../../models/spec/definition-hash.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { RankingInput } from '../../models/spec/slate.ts'
import type { Statistics } from '../../models/spec/statistics.ts'
import type { VersionFile } from '../promotion/ports.ts'
import type { TrainedWeights } from './fit.ts'

/** Candidates that one graph scores; a request takes the smallest that fits. */
export const buckets = [16, 64, 256, 1024] as const
export const weightsFile = 'weights.safetensors'
export const manifestFile = 'manifest.json'
export const graphFile = (bucket: number): string => `ranker.${bucket}.onnx`

/** Everything a version is, beside its weights and graphs. Holds no clock time: the same training gives the same bytes. */
export interface Manifest {
  readonly formatVersion: 1
  /** `<first 8 of the definition hash>-<first 8 of the content hash>` */
  readonly version: string
  readonly ranker: string
  readonly definition: RankerDefinition
  readonly definitionHash: string
  readonly statistics: Statistics
  /** By task. */
  readonly calibration: Readonly<Record<string, Calibration>>
  /** On examples newer than any that were learnt: by task, by metric. */
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly parent: string | null
  /** Event time of what was learnt: from <= occurredAt < to. */
  readonly trainedFromMs: number
  readonly trainedToMs: number
  readonly examples: number
  readonly epochs: number
  readonly buckets: readonly number[]
  /** Requests whose scores (candidates x tasks) a server must reproduce before it serves this version. */
  readonly golden: { readonly inputs: readonly RankingInput[]; readonly scores: readonly (readonly number[])[] }
  readonly files: readonly VersionFile[]
}

export interface VersionFolder {
  write(name: string, pieces: readonly Uint8Array[]): Promise<void>
}

export type VersionContent = Omit<Manifest, 'formatVersion' | 'version' | 'definitionHash' | 'buckets' | 'files'>

/** A version is named after its definition and its whole content. */
export function versionOf(core: Omit<Manifest, 'version'>): string {
  const contentHash = createHash('sha256').update(canonical(core)).digest('hex')
  return `${String(core.definitionHash).slice(0, 8)}-${contentHash.slice(0, 8)}`
}

/** Writes a version: weights, one graph a bucket over them, and the manifest last. */
export async function writeVersion(
  folder: VersionFolder,
  content: VersionContent,
  network: Network,
  weights: TrainedWeights,
): Promise<Manifest> {
  const { definition } = content
  const stored = writeSafetensors(namedTensors(network, weights, definition))
  const files: VersionFile[] = []
  const add = async (name: string, pieces: readonly Uint8Array[]) => {
    await folder.write(name, pieces)
    const hash = createHash('sha256')
    for (const piece of pieces) hash.update(piece)
    files.push({
      name,
      sha256: hash.digest('hex'),
      sizeBytes: pieces.reduce((sum, piece) => sum + piece.byteLength, 0),
    })
  }
  await add(weightsFile, stored.pieces)
  const external = externalTensors(stored.tensors)
  const calibrations = definition.tasks.map(({ name }) => content.calibration[name]!)
  for (const bucket of buckets) {
    await add(graphFile(bucket), [toOnnx(record(scoringStep(definition, network, calibrations, bucket)), external)])
  }
  const hash = definitionHash(definition)
  const core = { formatVersion: 1 as const, ...content, definitionHash: hash, buckets, files }
  const manifest: Manifest = { ...core, version: versionOf(core) }
  await folder.write(manifestFile, [new TextEncoder().encode(JSON.stringify(manifest, null, 1))])
  return manifest
}

function namedTensors(
  { parameters, layout }: Network,
  { dense, deep, wide }: TrainedWeights,
  { trunk, tasks }: RankerDefinition,
) {
  return [
    ...parameters.parameters.map(({ name, shape, offset, size }) => ({
      name,
      shape,
      data: dense.subarray(offset, offset + size),
    })),
    { name: deepTable, shape: [layout.tableRows, trunk.dimension], data: deep },
    { name: wideTable, shape: [layout.tableRows, tasks.length], data: wide },
  ]
}

const externalTensors = (tensors: readonly StoredTensor[]) =>
  Object.fromEntries(tensors.map(({ name, offset, sizeBytes }) => [name, { location: weightsFile, offset, sizeBytes }]))
