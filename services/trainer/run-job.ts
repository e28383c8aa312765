import { join } from 'node:path'
import type { Device } from '../../models/engine/device.ts'
import { Fault } from '../../models/spec/fault.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { BlobStore, VersionRegistry } from '../../pipelines/promotion/ports.ts'
import { type Champion, promote } from '../../pipelines/promotion/promote.ts'
import type { Job, JobResult } from '../../pipelines/training/jobs.ts'
import type { ExampleSource, ReportProgress } from '../../pipelines/training/ports.ts'
import { train } from '../../pipelines/training/train.ts'
import { writeVersion } from '../../pipelines/training/version.ts'
import { createVersionFolder, fetchVersion } from '../adapters/blobs/version-folder.ts'
import { openVersion } from '../ranker/scoring/opened-version.ts'

export interface JobContext {
  readonly definitions: readonly RankerDefinition[]
  readonly source: ExampleSource
  readonly registry: VersionRegistry
  readonly blobs: BlobStore
  readonly device: Device
  readonly threads: number
  /** For this job's files alone. */
  readonly folder: string
  nowMs(): number
  readonly report: ReportProgress
}

/** Trains a version, opens it as a server would, and promotes it if it earned that. */
export async function runJob({ payload }: Job, context: JobContext): Promise<JobResult> {
  const { definitions, registry, threads, folder, report } = context
  const definition = definitions.find(({ name }) => name === payload.ranker)
  if (definition === undefined) {
    throw new Fault(
      'RANKER_UNKNOWN',
      `The configuration has no ranker "${payload.ranker}" any more; its names are ${definitions.map(({ name }) => name).join(', ')}.`,
    )
  }
  const readAtMs = context.nowMs()
  const active = await registry.active(definition.name)
  const trained = await train({ ...context, definition, parent: active?.version ?? null })
  report({ stage: 'writing', done: 0, of: 1 })
  const written = join(folder, 'version')
  const manifest = await writeVersion(
    await createVersionFolder(written),
    trained.content,
    trained.network,
    trained.weights,
  )
  const opened = await openVersion(written, threads)
  await opened.close()
  const champion = active === null ? null : await openChampion(active.version, context).catch(nullIfBroken)
  try {
    return await promote({
      ...context,
      trained,
      manifest,
      fileOf: (name) => join(written, name),
      champion,
      readAtMs,
    })
  } finally {
    await champion?.close()
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
