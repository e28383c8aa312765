import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { pino } from 'pino'
import type { Device } from '../../models/engine/device.ts'
import { findDevice } from '../../models/engine/devices.ts'
import type { TrainingEngine } from '../../models/spec/engine-settings.ts'
import { Fault } from '../../models/spec/fault.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { Trial } from '../../pipelines/devices/ports.ts'
import { servingTrial } from '../../pipelines/devices/serving-trial.ts'
import { trainingTrial } from '../../pipelines/devices/training-trial.ts'
import type { Job, JobQueue } from '../../pipelines/training/jobs.ts'
import type { TrainingProgress } from '../../pipelines/training/ports.ts'
import { configuredDevice } from '../adapters/devices/configured.ts'
import { loadConfig } from '../standalone/load-config.ts'
import { readSettings } from '../standalone/settings.ts'
import { joinStorage } from '../standalone/storage.ts'
import { removeEnded } from './job-folders.ts'
import { runJob } from './run-job.ts'

/** Training as a process of its own: takes jobs until none waits, and ends. It ends, too, when its parent does. */
const leaseMs = 15_000
const renewEveryMs = 1_000
const lookAgainMs = 1_000
/** The scheduler prefers the process that serves. */
const nicePriority = 10

const settings = readSettings(process.env)
const log = pino({ level: settings.logLevel, name: 'trainer' }, pino.destination(2))
const worker = randomUUID()
const storage = joinStorage(settings, (fault) => log.error({ err: fault }, fault.message))
const queue = storage.jobs
const { rankers, engine } = await loadConfig(process.cwd())
/** Each job's files are in one of its name, so that a job that was cut off finds its checkpoint. */
const folder = join(settings.dataFolder, 'training')
let current: Job | null = null
let isStopping = false

setPriority(nicePriority)
process.once('disconnect', () => process.exit(1))
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop())

async function stop(): Promise<void> {
  isStopping = true
  if (current !== null) await queue.release(current.id, worker)
  process.exit(0)
}

for (;;) {
  current = await queue.lease(worker, leaseMs)
  if (isStopping) await stop()
  if (current !== null) {
    await work(current, queue)
    current = null
  } else if ((await queue.list()).some(({ state }) => state === 'queued' || state === 'running')) {
    // Somebody else's, until its lease runs out.
    await wait(lookAgainMs)
  } else break
}
await storage.close()
process.exit(0)

async function work(job: Job, jobs: JobQueue): Promise<void> {
  let progress: TrainingProgress | null = null
  let isUnderWay = true
  const renewal = setInterval(() => {
    jobs.renew(job.id, worker, leaseMs, progress).then(
      (isMine) => {
        // Cancelled, or taken by another: whatever is done here would be thrown away.
        if (!isMine && isUnderWay) process.exit(0)
      },
      (fault: Fault) => log.warn({ err: fault }, 'the lease could not be renewed'),
    )
  }, renewEveryMs)
  try {
    const result = await runJob(job, {
      definitions: rankers,
      source: storage.examples,
      registry: storage.registry,
      blobs: storage.blobs,
      device: await deviceFor(job),
      threads: engine.training.threads,
      precision: engine.training.precision,
      servingDevice: (definition) =>
        configured(engine.serving, definition, () => servingTrial(definition, engine.serving)),
      ...(engine.serving.precision === 'int8' ? { quantization: engine.serving.quantization } : {}),
      folder: join(folder, job.id),
      nowMs: Date.now,
      report: (latest) => {
        if (latest.note !== undefined) log.info({ job: job.id }, latest.note)
        progress = latest
      },
    })
    // The lease ends with the job: that it is gone says nothing any more.
    isUnderWay = false
    await jobs.complete(job.id, worker, result)
    log.info({ job: job.id, ...result }, 'trained')
    await removeEnded(folder, jobs)
  } catch (error) {
    isUnderWay = false
    const fault =
      error instanceof Fault ? error : new Fault('TRAINING_FAILED', (error as Error).message, { cause: error })
    if (error === fault) log.warn({ code: fault.code, job: job.id }, fault.message)
    else log.error({ err: error, job: job.id }, 'training failed unexpectedly')
    await jobs.fail(job.id, worker, fault)
    // Its last good state stays until a job ends well.
    if (fault.code !== 'TRAINING_NOT_FINITE') await rm(join(folder, job.id), { recursive: true, force: true })
  } finally {
    clearInterval(renewal)
  }
}

async function deviceFor({ payload }: Job): Promise<Device> {
  const definition = rankers.find(({ name }) => name === payload.ranker)
  // The job itself says what is wrong.
  if (definition === undefined) return findDevice('cpu')
  return configured(engine.training, definition, () => trainingTrial(definition, engine.training))
}

type Chosen = Pick<TrainingEngine, 'device' | 'threads'>

function configured(chosen: Chosen, { name }: RankerDefinition, trial: () => Trial): Promise<Device> {
  return configuredDevice(chosen, trial, settings.dataFolder, (verdict) => log.info({ ranker: name }, verdict))
}
