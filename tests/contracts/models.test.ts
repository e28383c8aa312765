import { createJobQueue } from '../../services/adapters/postgres/jobs.ts'
import { createVersionRegistry } from '../../services/adapters/postgres/versions.ts'
import { onEachDatabase } from './databases.ts'
import { jobQueueContract } from './job-queue.ts'
import { versionRegistryContract } from './version-registry.ts'

onEachDatabase('jobs and versions', (connect) => {
  jobQueueContract(async () => {
    const pool = await connect()
    return { queue: (nowMs) => createJobQueue(pool, nowMs) }
  })
  versionRegistryContract(async () => createVersionRegistry(await connect()))
})
