import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import type { Activation, ModelVersion, VersionRegistry } from '../../../pipelines/promotion/ports.ts'
import type { TrainingProgress } from '../../../pipelines/training/ports.ts'
import { createFileBlobStore } from '../../../services/adapters/blobs/files.ts'
import { fetchVersion } from '../../../services/adapters/blobs/version-folder.ts'
import { openVersion } from '../../../services/ranker/scoring/opened-version.ts'
import { type JobContext, runJob } from '../../../services/trainer/run-job.ts'
import { temporaryFolder } from '../../flows/process.ts'
import { aJob } from '../ranker/fake-service.ts'
import { quickRanker, smallSource } from '../ranker/small-version.ts'

function memoryRegistry(): VersionRegistry & { readonly activations: readonly Activation[] } {
  const versions = new Map<string, ModelVersion>()
  const activations: Activation[] = []
  return {
    activations,
    publish: async (version) => void versions.set(version.version, version),
    find: async (version) => versions.get(version) ?? null,
    list: async () => [...versions.values()],
    activate: async (activation) => void activations.push(activation),
    active: async () => activations.at(-1) ?? null,
  }
}

function world() {
  const folder = temporaryFolder()
  const registry = memoryRegistry()
  const stages: TrainingProgress['stage'][] = []
  const context: JobContext = {
    definitions: [quickRanker],
    source: smallSource(),
    registry,
    blobs: createFileBlobStore(join(folder, 'blobs')),
    device: cpu,
    threads: 1,
    folder: join(folder, 'training'),
    nowMs: () => 1_800_000_000_000,
    report: ({ stage }) => {
      if (stages.at(-1) !== stage) stages.push(stage)
    },
  }
  return { folder, registry, context, stages }
}

test('a job for a ranker that the configuration has no more says which there are', async () => {
  const { context } = world()

  await assert.rejects(runJob(aJob({ payload: { ranker: 'gone' } }), context), {
    code: 'RANKER_UNKNOWN',
    message: /"gone" any more; its names are small/,
  })
})

test('a first version is trained, kept, activated, and opens from what was kept', async () => {
  const { context, registry, folder, stages } = world()

  const { version, activated, reasons } = await runJob(aJob(), context)

  assert.ok(activated && reasons.length > 0)
  assert.deepEqual(
    registry.activations.map((activation) => [activation.ranker, activation.version]),
    [['small', version]],
  )
  assert.deepEqual(stages, ['reading', 'encoding', 'training', 'evaluating', 'writing'])
  const published = (await registry.find(version))!
  const opened = await openVersion(await fetchVersion(context.blobs, published, join(folder, 'fetched')), 1)
  await opened.close()
})

test('a later version follows the one that serves, and is measured against it', async () => {
  const { context, registry } = world()
  const first = await runJob(aJob(), context)

  const second = await runJob(aJob(), { ...context, source: smallSource(5, 6) })

  const { parent } = (await registry.find(second.version))!
  assert.deepEqual([parent, second.version === first.version], [first.version, false])
  assert.notDeepEqual(second.reasons, first.reasons)
})

test('a version that serves and whose files are broken does not keep another from being trained', async () => {
  const { context, folder } = world()
  const first = await runJob(aJob(), context)
  const blobs = join(folder, 'blobs')
  for (const file of readdirSync(blobs, { recursive: true, encoding: 'utf8' }))
    if (file.includes('/')) writeFileSync(join(blobs, file), 'broken')

  const second = await runJob(aJob(), { ...context, source: smallSource(5, 6) })

  assert.ok(second.activated && second.version !== first.version)
})
