import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openOnnxFile } from '../../models/engine/cpu.ts'
import type { Device, Precision } from '../../models/engine/device.ts'
import { readSafetensors } from '../../models/engine/safetensors.ts'
import { type QuantizationBounds, servingPrecisions } from '../../models/spec/engine-settings.ts'
import { Fault } from '../../models/spec/fault.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { BlobStore, VersionRegistry } from '../../pipelines/promotion/ports.ts'
import { type Champion, promote } from '../../pipelines/promotion/promote.ts'
import { type Checkpoint, type CheckpointStore, fromStored } from '../../pipelines/training/checkpoint.ts'
import type { Job, JobResult } from '../../pipelines/training/jobs.ts'
import type { ExampleSource, ReportProgress } from '../../pipelines/training/ports.ts'
import { quantizationLines } from '../../pipelines/training/quantization.ts'
import { type TrainedVersion, train } from '../../pipelines/training/train.ts'
import { type Manifest, weightsFile, writeVersion } from '../../pipelines/training/version.ts'
import { type OlderVersion, versionToStartFrom } from '../../pipelines/training/warm-start.ts'
import { createVersionFolder, fetchVersion } from '../adapters/blobs/version-folder.ts'
import { openVersion } from '../ranker/scoring/opened-version.ts'
import { createCheckpointFolder } from './checkpoint-folder.ts'

export interface JobContext {
  readonly definitions: readonly RankerDefinition[]
  readonly source: ExampleSource
  readonly registry: VersionRegistry
  readonly blobs: BlobStore
  readonly device: Device
  readonly threads: number
  /** What training multiplies matrices in; float32 where left out. */
  readonly precision?: Precision
  /** What serves the ranker, on which a version must open before it is promoted; `cpu` where it is left out. */
  servingDevice?(definition: RankerDefinition): Promise<Device>
  /** Where int8 is to serve: what it may cost. */
  readonly quantization?: QuantizationBounds
  /** For this job's files alone. */
  readonly folder: string
  nowMs(): number
  readonly report: ReportProgress
}

/**
 * Trains a version, opens it as a server would, and promotes it if it earned that. Training goes on from the checkpoint
 * that an earlier attempt left in the folder.
 */
export async function runJob({ payload }: Job, context: JobContext): Promise<JobResult> {
  const { definitions, registry, folder, report, nowMs } = context
  const definition = definitions.find(({ name }) => name === payload.ranker)
  if (definition === undefined) {
    throw new Fault(
      'RANKER_UNKNOWN',
      `The configuration has no ranker "${payload.ranker}" any more; its names are ${definitions.map(({ name }) => name).join(', ')}.`,
    )
  }
  const store = createCheckpointFolder(join(folder, 'checkpoint'))
  const kept = await keptCheckpoint(store, report)
  const readAtMs = kept?.read.readAtMs ?? nowMs()
  const active = await registry.active(definition.name)
  const checkpoints = { kept, store, readAtMs, nowMs }
  const from = payload.from === undefined ? {} : { from: await olderVersion(payload.from, definition, context) }
  const trained = await train({ ...context, ...from, definition, parent: active?.version ?? null, checkpoints })
  report({ stage: 'writing', done: 0, of: 1 })
  const written = join(folder, 'version')
  const manifest = await writeAndOpen(trained, written, context)
  const champion = active === null ? null : await openChampion(active.version, context).catch(nullIfBroken)
  try {
    const result = await promote({
      ...context,
      trained,
      manifest,
      fileOf: (name) => join(written, name),
      champion,
      readAtMs,
    })
    const lines = manifest.quantization === undefined ? [] : quantizationLines(manifest.quantization)
    return { ...result, reasons: [...result.reasons, ...lines] }
  } finally {
    await champion?.close()
  }
}

async function olderVersion(
  version: string,
  { name }: RankerDefinition,
  { registry, blobs, folder }: JobContext,
): Promise<OlderVersion> {
  const found = await versionToStartFrom(registry, name, version)
  const file = join(folder, 'from', weightsFile)
  await blobs.fetch(found.files.find((each) => each.name === weightsFile)!.sha256, file)
  return { version, definition: found.definition, tensors: readSafetensors(await readFile(file)) }
}

/** Writes a version, with int8 graphs where they are wanted and good enough, and opens it in each of its precisions. */
async function writeAndOpen(
  { content, network, weights, holdout }: TrainedVersion,
  written: string,
  { quantization: bounds, threads, servingDevice }: JobContext,
): Promise<Manifest> {
  const open = (graph: string) => openOnnxFile(join(written, graph), { threads })
  const request = bounds === undefined ? undefined : { bounds, unseen: holdout, open }
  const manifest = await writeVersion(await createVersionFolder(written), content, network, weights, request)
  const device = await servingDevice?.(content.definition)
  for (const precision of manifest.golden.int8Scores === undefined ? (['float32'] as const) : servingPrecisions) {
    const opened = await openVersion(written, threads, { precision, ...(device === undefined ? {} : { device }) })
    await opened.close()
  }
  return manifest
}

/** Null where there is none, or none that can be read. */
async function keptCheckpoint(store: CheckpointStore, report: ReportProgress): Promise<Checkpoint | null> {
  try {
    const stored = await store.read()
    return stored === null ? null : fromStored(stored)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    report({ stage: 'reading', done: 0, of: 1, note: `starts over: ${error.message}` })
    return null
  }
}

/** A champion whose files are broken can defend nothing; without this, training could never replace it. */
function nullIfBroken(error: unknown): null {
  if (error instanceof Fault && /^(VERSION|BLOB)_/.test(error.code)) return null
  throw error
}

async function openChampion(
  version: string,
  { registry, blobs, folder, threads }: JobContext,
): Promise<Champion & { close(): Promise<void> }> {
  const found = (await registry.find(version))!
  const opened = await openVersion(await fetchVersion(blobs, found, join(folder, 'champion')), threads)
  return {
    version,
    tasks: found.definition.tasks.map(({ name }) => name),
    trainedToMs: found.trainedToMs,
    score: opened.score,
    close: opened.close,
  }
}
