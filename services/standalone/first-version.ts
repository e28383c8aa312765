import { setTimeout as wait } from 'node:timers/promises'
import type { VersionRegistry } from '../../pipelines/promotion/ports.ts'
import type { Job, JobQueue } from '../../pipelines/training/jobs.ts'
import type { ProgressView } from './progress.ts'

const lookAgainMs = 200
const hasEnded = ({ state }: Job) => state !== 'queued' && state !== 'running'

/**
 * Has a first version of `ranker` trained where none serves, going on with a job that is already there. Returns the job
 * when it has ended, or null where there is nothing to do.
 */
export async function trainFirstVersion(
  ranker: string,
  { jobs, registry }: { readonly jobs: JobQueue; readonly registry: VersionRegistry },
  view: ProgressView,
  isStopping: () => boolean,
): Promise<Job | null> {
  if ((await registry.active(ranker)) !== null) return null
  const going = (await jobs.list()).find((job) => job.payload.ranker === ranker && !hasEnded(job))
  let job = going ?? (await jobs.enqueue({ kind: 'train', payload: { ranker } }))
  while (!hasEnded(job) && !isStopping()) {
    const { stage = 'waiting', done = 0, of = 1, note } = job.progress ?? {}
    view.show(stage === 'waiting' ? 'Starting to train' : titles[stage], done, of, note)
    await wait(lookAgainMs)
    job = (await jobs.find(job.id))!
  }
  return job
}

const titles = {
  reading: 'Reading examples',
  encoding: 'Encoding',
  training: 'Training',
  evaluating: 'Evaluating',
  writing: 'Writing',
} as const
