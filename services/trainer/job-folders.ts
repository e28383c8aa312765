import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { JobQueue } from '../../pipelines/training/jobs.ts'

/** Removes from `folder`, where each job has one of its name, all but those of jobs that wait or run. */
export async function removeEnded(folder: string, jobs: Pick<JobQueue, 'find'>): Promise<void> {
  for (const name of await readdir(folder)) {
    const job = await jobs.find(name)
    if (job?.state !== 'queued' && job?.state !== 'running')
      await rm(join(folder, name), { recursive: true, force: true })
  }
}
