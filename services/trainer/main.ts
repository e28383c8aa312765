import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { pino } from 'pino'
import { cpu } from '../../models/engine/cpu.ts'
import { Fault } from '../../models/spec/fault.ts'
import type { Job, JobQueue } from '../../pipelines/training/jobs.ts'
import type { TrainingProgress } from '../../pipelines/training/ports.ts'
import { createFileBlobStore } from '../adapters/blobs/files.ts'
import { findEmbeddedPostgres } from '../adapters/embedded/start.ts'
import { createExampleSource } from '../adapters/postgres/examples.ts'
import { createJobQueue } from '../adapters/postgres/jobs.ts'
import { createPool } from '../adapters/postgres/pool.ts'
import { createVersionRegistry } from '../adapters/postgres/versions.ts'
import { loadRankers } from '../standalone/load-rankers.ts'
import { readSettings } from '../standalone/settings.ts'
import { runJob } from './run-job.ts'

/** Training as a process of its own: takes jobs until none waits, and ends. It ends, too, when its parent does. */
const leaseMs = 15_000
const renewEveryMs = 1_000
const lookAgainMs = 1_000
const threads = 2
/** The scheduler prefers the process that serves. */
const nicePriority = 10

const settings = readSettings(process.env)
const log = pino({ level: settings.logLevel, name: 'trainer' }, pino.destination(2))
const worker = randomUUID()
const pool = createPool(findEmbeddedPostgres(settings.dataFolder), (fault) => log.error({ err: fault }, fault.message))
const queue = createJobQueue(pool, Date.now)
const { rankers } = await loadRankers(process.cwd())
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

await rm(folder, { recursive: true, force: true })
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
await pool.close()
process.exit(0)

async function work(job: Job, jobs: JobQueue): Promise<void> {
  let progress: TrainingProgress | null = null
  const renewal = setInterval(() => {
    jobs.renew(job.id, worker, leaseMs, progress).then(
      (isMine) => {
        // Cancelled, or taken by another: whatever is done here would be thrown away.
        if (!isMine) process.exit(0)
      },
      (fault: Fault) => log.warn({ err: fault }, 'the lease could not be renewed'),
    )
  }, renewEveryMs)
  try {
    const result = await runJob(job, {
      definitions: rankers,
      source: createExampleSource(pool),
      registry: createVersionRegistry(pool),
      blobs: createFileBlobStore(join(settings.dataFolder, 'blobs')),
      device: cpu,
      threads,
      folder,
      nowMs: Date.now,
      report: (latest) => {
        progress = latest
      },
    })
    await jobs.complete(job.id, worker, result)
    log.info({ job: job.id, ...result }, 'trained')
  } catch (error) {
    const fault =
      error instanceof Fault ? error : new Fault('TRAINING_FAILED', (error as Error).message, { cause: error })
    if (error === fault) log.warn({ code: fault.code, job: job.id }, fault.message)
    else log.error({ err: error, job: job.id }, 'training failed unexpectedly')
    await jobs.fail(job.id, worker, fault)
  } finally {
    clearInterval(renewal)
    await rm(folder, { recursive: true, force: true })
  }
}
