import { createHash } from 'node:crypto'
import type { Network } from '../../models/architectures/network.ts'
import type { DeviceName, Precision, Session } from '../../models/engine/device.ts'
import { type ExternalTensor, toOnnx } from '../../models/engine/onnx/lower.ts'
import { quantizeMatmuls, toQuantizedOnnx } from '../../models/engine/onnx/quantize.ts'
import type { Program } from '../../models/engine/program.ts'
import { record } from '../../models/engine/record.ts'
import { type NamedTensor, type StoredTensor, writeSafetensors } from '../../models/engine/safetensors.ts'
import type { Calibration } from '../../models/objectives/calibration.ts'
import { deepTable, scoringStep, wideTable } from '../../models/objectives/scoring-step.ts'
import { canonical, definitionHash } from '../../models/spec/definition-hash.ts'
import type { QuantizationBounds } from '../../models/spec/engine-settings.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { RankingInput } from '../../models/spec/slate.ts'
import type { Statistics } from '../../models/spec/statistics.ts'
import type { VersionFile } from '../promotion/ports.ts'
import type { TrainedWeights } from './fit.ts'
import { openGraphs } from './graph-scorer.ts'
import type { Holdout } from './holdout.ts'
import { measureQuantization, notMeasured, type Quantization } from './quantization.ts'

/** Candidates that one graph scores; a request takes the smallest that fits. */
export const buckets = [16, 64, 256, 1024] as const
export const weightsFile = 'weights.safetensors'
export const manifestFile = 'manifest.json'
export const graphFile = (bucket: number): string => `ranker.${bucket}.onnx`
export const int8GraphFile = (bucket: number): string => `ranker.${bucket}.int8.onnx`

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
  /** The version whose weights it began with; left out where they were new. */
  readonly startedFrom?: string
  /** Event time of what was learnt: from <= occurredAt < to. */
  readonly trainedFromMs: number
  readonly trainedToMs: number
  readonly examples: number
  readonly epochs: number
  /** Whose sums its weights are. Versions written before devices could be chosen lack it. */
  readonly trainedOn?: { readonly device: DeviceName; readonly runtime: string; readonly precision: Precision }
  readonly buckets: readonly number[]
  /** Requests whose scores (candidates x tasks) a server must reproduce before it serves this version. */
  readonly golden: {
    readonly inputs: readonly RankingInput[]
    readonly scores: readonly (readonly number[])[]
    /** Of the int8 graphs, where it has them. */
    readonly int8Scores?: readonly (readonly number[])[]
  }
  /** Where int8 was asked for: what it costs, and whether it was too much. */
  readonly quantization?: Quantization
  readonly files: readonly VersionFile[]
}

export interface VersionFolder {
  write(name: string, pieces: readonly Uint8Array[]): Promise<void>
  remove(name: string): Promise<void>
}

export type VersionContent = Omit<
  Manifest,
  'formatVersion' | 'version' | 'definitionHash' | 'buckets' | 'quantization' | 'files'
>

/** Int8 graphs beside those of float32, as long as they cost no more than the bounds. */
export interface QuantizationRequest {
  readonly bounds: QuantizationBounds
  /** What it is measured on. */
  readonly unseen: Holdout
  /** Opens a graph that was written to the folder. */
  open(graph: string): Promise<Session>
}

/** A version is named after its definition and its whole content. */
export function versionOf(core: Omit<Manifest, 'version'>): string {
  const contentHash = createHash('sha256').update(canonical(core)).digest('hex')
  return `${String(core.definitionHash).slice(0, 8)}-${contentHash.slice(0, 8)}`
}

/** Writes a version: weights, one graph a bucket over them, those of int8 where they are asked for, and the manifest last. */
export async function writeVersion(
  folder: VersionFolder,
  content: VersionContent,
  network: Network,
  weights: TrainedWeights,
  quantization?: QuantizationRequest,
): Promise<Manifest> {
  const { definition } = content
  const tensors = namedTensors(network, weights, definition)
  const stored = writeSafetensors(tensors)
  const calibrations = definition.tasks.map(({ name }) => content.calibration[name]!)
  const parts: Parts = {
    folder,
    tensors,
    external: externalTensors(stored.tensors),
    programOf: (bucket) => record(scoringStep(definition, network, calibrations, bucket)),
  }
  const files = [await writeFile(folder, weightsFile, stored.pieces)]
  for (const bucket of buckets) {
    const graph = toOnnx(parts.programOf(bucket), parts.external)
    files.push(await writeFile(folder, graphFile(bucket), [graph]))
  }
  const int8 = quantization === undefined ? noInt8 : await writeInt8(parts, content, quantization)
  const core = {
    formatVersion: 1 as const,
    ...content,
    golden: { ...content.golden, ...int8.golden },
    definitionHash: definitionHash(definition),
    buckets,
    ...int8.manifest,
    files: [...files, ...int8.files],
  }
  const manifest: Manifest = { ...core, version: versionOf(core) }
  await folder.write(manifestFile, [new TextEncoder().encode(JSON.stringify(manifest, null, 1))])
  return manifest
}

async function writeFile(folder: VersionFolder, name: string, pieces: readonly Uint8Array[]): Promise<VersionFile> {
  await folder.write(name, pieces)
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  const sizeBytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
  return { name, sha256: hash.digest('hex'), sizeBytes }
}

interface Parts {
  readonly folder: VersionFolder
  readonly tensors: readonly NamedTensor[]
  readonly external: Readonly<Record<string, ExternalTensor>>
  programOf(bucket: number): Program
}

/** What int8 adds to a version. */
interface Int8 {
  readonly files: readonly VersionFile[]
  readonly manifest: Pick<Manifest, 'quantization'>
  readonly golden: Pick<Manifest['golden'], 'int8Scores'>
}
const noInt8: Int8 = { files: [], manifest: {}, golden: {} }

/** Writes int8 graphs, runs them on what the version has not learnt, and takes them back where they cost too much. */
async function writeInt8(
  { folder, tensors, external, programOf }: Parts,
  { definition, statistics, golden }: VersionContent,
  { bounds, unseen, open }: QuantizationRequest,
): Promise<Int8> {
  const refused = (why: string): Int8 => ({ ...noInt8, manifest: { quantization: notMeasured(bounds, why) } })
  const given = Object.fromEntries(tensors.map(({ name, data }) => [name, data]))
  const files: VersionFile[] = []
  let weights: readonly string[] = []
  for (const bucket of buckets) {
    const program = programOf(bucket)
    const matmuls = quantizeMatmuls(program, given)
    weights = [...matmuls.keys()].map(({ inputs }) => program.inputs.find(({ value }) => value === inputs[1])!.name)
    if (weights.length === 0) return refused('none of its multiplications is large enough to gain')
    const graph = toQuantizedOnnx(program, matmuls, external)
    files.push(await writeFile(folder, int8GraphFile(bucket), [graph]))
  }
  const int8: Int8 = await measured().catch((error: Error) => refused(`its graphs do not run here: ${error.message}`))
  if (int8.files.length === 0) for (const { name } of files) await folder.remove(name)
  return int8

  async function measured(): Promise<Int8> {
    const scorer = await openGraphs({ definition, statistics, buckets }, (bucket) => open(int8GraphFile(bucket)))
    try {
      const quantization = await measureQuantization(definition.tasks, unseen, bounds, weights, scorer.score)
      if (quantization.refusals.length > 0) return { ...noInt8, manifest: { quantization } }
      const int8Scores: number[][] = []
      for (const input of golden.inputs) int8Scores.push([...(await scorer.score(input))])
      return { files, manifest: { quantization }, golden: { int8Scores } }
    } finally {
      await scorer.close()
    }
  }
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
