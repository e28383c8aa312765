import assert from 'node:assert/strict'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import type { Activation, ModelVersion, VersionRegistry } from '../../../pipelines/promotion/ports.ts'
import type { TrainingProgress } from '../../../pipelines/training/ports.ts'
import { weightsFile } from '../../../pipelines/training/version.ts'
import { createFileBlobStore } from '../../../services/adapters/blobs/files.ts'
import { fetchVersion } from '../../../services/adapters/blobs/version-folder.ts'
import { openVersion } from '../../../services/ranker/scoring/opened-version.ts'
import { createCheckpointFolder } from '../../../services/trainer/checkpoint-folder.ts'
import { type JobContext, runJob } from '../../../services/trainer/run-job.ts'
import { temporaryFolder } from '../../flows/process.ts'
import { cpuWith } from '../../pipelines/training/small-fit.ts'
import { aJob } from '../ranker/fake-service.ts'
import { quickRanker, smallSource, wideRanker } from '../ranker/small-version.ts'

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

test('a version starts from an older one that the job names, and says so', async () => {
  const { context, registry } = world()
  const notes: string[] = []
  const report = ({ note }: TrainingProgress) => void (note === undefined ? 0 : notes.push(note))
  const first = await runJob(aJob(), context)
  const payload = { ranker: 'small', from: first.version }

  const second = await runJob(aJob({ payload }), { ...context, report, source: smallSource(5, 6) })
  const again = await runJob(aJob({ payload }), { ...context, source: smallSource(5, 6) })
  const anew = await runJob(aJob(), { ...context, source: smallSource(5, 6) })

  assert.equal((await registry.find(second.version))!.startedFrom, first.version)
  assert.ok(notes.includes(`starts from ${first.version}`), notes.join())
  const weightsOf = async ({ version }: { version: string }) =>
    (await registry.find(version))!.files.find(({ name }) => name === weightsFile)!.sha256
  assert.equal(await weightsOf(again), await weightsOf(second))
  assert.notEqual(await weightsOf(anew), await weightsOf(second))
  await assert.rejects(runJob(aJob({ payload: { ranker: 'small', from: 'gone' } }), context), {
    code: 'VERSION_UNKNOWN',
  })
  // Since the job was queued.
  await registry.publish({ ...(await registry.find(first.version))!, learntErasedAtMs: 0 })
  await assert.rejects(runJob(aJob({ payload }), context), { code: 'VERSION_LEARNT_ERASED' })
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

/** An attempt at a job, with a checkpoint after every step, of a minute each; cut off at the first note of that kind. */
async function attempt({ context }: ReturnType<typeof world>, cutAt: RegExp | null, startMs = 1_800_000_000_000) {
  const notes: string[] = []
  let ms = startMs
  const device = cpuWith(({ run }) => ({
    run(feeds) {
      ms += 60_000
      return run(feeds)
    },
  }))
  const report = ({ note }: TrainingProgress) => {
    if (note === undefined) return
    notes.push(note)
    if (cutAt?.test(note)) throw new Error('cut off')
  }
  const running = runJob(aJob(), { ...context, device, nowMs: () => ms, report })
  if (cutAt !== null) await assert.rejects(running, /cut off/)
  return { notes, result: cutAt === null ? await running : null }
}

test('a job that was cut off goes on from its checkpoint to the version that it would have made', async () => {
  const whole = await attempt(world(), null)
  for (const [cutAt, fit] of [
    [/^pass 2,/, 'choosing the passes'],
    [/^pass 1 of \d+ over all/, 'learning all'],
  ] as const) {
    const here = world()
    await attempt(here, cutAt)

    const { notes, result } = await attempt(here, null, 1_900_000_000_000)

    assert.match(notes[0]!, new RegExp(`^goes on after step \\d+ of ${fit}$`))
    assert.equal(result!.version, whole.result!.version)
    // What the first attempt began to read is all that is in it.
    assert.equal((await here.registry.find(result!.version))!.readAtMs, 1_800_000_000_000)
  }
})

test('a job whose checkpoint cannot be read starts over and says so', async () => {
  const here = world()
  await attempt(here, /^pass 2,/)
  const folder = join(here.context.folder, 'checkpoint')
  for (const file of readdirSync(folder)) if (file.endsWith('.safetensors')) rmSync(join(folder, file))

  const { notes, result } = await attempt(here, null)

  assert.match(notes[0]!, /^starts over: The checkpoint in .* cannot be read/)
  assert.equal(result!.version, (await attempt(world(), null)).result!.version)
})

test('a loss that breaks leaves the last good state where the fault says', async () => {
  const here = world()
  const [task, ...others] = quickRanker.tasks
  const labels = { ...others[0]!, label: { rule: 'value' as const, kind: 'watch' } }
  const definition = { ...quickRanker, tasks: [task!, labels], training: { ...quickRanker.training, wideRate: 1e25 } }
  const definitions = [definition]

  const fault = await attempt({ ...here, context: { ...here.context, definitions } }, null).catch((error) => error)

  assert.equal(fault.code, 'TRAINING_NOT_FINITE', String(fault))
  const { place, read } = createCheckpointFolder(join(here.context.folder, 'checkpoint'))
  const { facts, tensors } = (await read())!
  assert.equal(fault.details.step, facts.step + 1)
  assert.ok(fault.message.endsWith(`The last good state, of step ${facts.step}, is in ${place}.`), fault.message)
  for (const { name, data } of tensors)
    if (!/rows|lastSteps|moments|decays/.test(name)) assert.ok(data.every(Number.isFinite), name)
})

test('where int8 is to serve, a version has graphs for it, and the job says what they cost', async () => {
  const { context, registry, folder } = world()
  const quantization = { mostScoreChange: 1, mostMetricLoss: 1 }

  const { version, reasons } = await runJob(aJob(), { ...context, definitions: [wideRanker], quantization })

  assert.match(reasons.at(-1)!, /^int8: scores of \d+ examples change by at most 0\.\d{4} \((?:click|watch)\), /)
  const published = (await registry.find(version))!
  assert.deepEqual([published.quantization!.bounds, published.quantization!.refusals], [quantization, []])
  const fetched = await fetchVersion(context.blobs, published, join(folder, 'fetched'))
  const opened = await openVersion(fetched, 1, { precision: 'int8' })
  assert.equal(opened.precision, 'int8')
  await opened.close()
})

test('a version for which int8 costs too much is published and activated without it, and the job says why', async () => {
  const { context, registry } = world()
  const quantization = { mostScoreChange: 0, mostMetricLoss: 1 }

  const { version, reasons, activated } = await runJob(aJob(), { ...context, definitions: [wideRanker], quantization })

  assert.ok(activated)
  const line = /^int8 refused, float32 serves: click: a score changes by 0\.\d{4}, more than 0$/
  assert.equal(reasons.filter((reason) => line.test(reason)).length, 1)
  const { files, quantization: measured } = (await registry.find(version))!
  assert.ok(!files.some(({ name }) => name.includes('int8')))
  assert.ok(measured!.scoreChanges.click!.most > 0)
})
