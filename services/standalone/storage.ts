import { join } from 'node:path'
import type { Fault } from '../../models/spec/fault.ts'
import { createFileBlobStore } from '../adapters/blobs/files.ts'
import { startEmbeddedPostgres } from '../adapters/embedded/start.ts'
import { createDeadLetters, createEventLedger } from '../adapters/postgres/event-ledger.ts'
import { createExampleSource } from '../adapters/postgres/examples.ts'
import { createIngestStore } from '../adapters/postgres/ingest-store.ts'
import { createJobQueue } from '../adapters/postgres/jobs.ts'
import { createJoinStore } from '../adapters/postgres/join-store.ts'
import { createKnowledgeStore } from '../adapters/postgres/knowledge.ts'
import { maintain } from '../adapters/postgres/maintain.ts'
import { migrate } from '../adapters/postgres/migrate.ts'
import { createPool } from '../adapters/postgres/pool.ts'
import { createVersionRegistry } from '../adapters/postgres/versions.ts'

/** Every port of the flows, on the embedded database and the files of one data folder. Faults of starting it. */
export async function openStorage(dataFolder: string, onFault: (fault: Fault) => void, onLost: (fault: Fault) => void) {
  const database = await startEmbeddedPostgres({ dataFolder, onStopped: onLost })
  const pool = createPool(database.connection, onFault)
  const close = async () => {
    await pool.close()
    await database.close()
  }
  try {
    await migrate(pool)
  } catch (error) {
    await close()
    throw error
  }
  return {
    ingest: createIngestStore(pool),
    join: createJoinStore(pool),
    knowledge: createKnowledgeStore(pool),
    examples: createExampleSource(pool),
    ledger: createEventLedger(pool),
    deadLetters: createDeadLetters(pool),
    jobs: createJobQueue(pool, Date.now),
    registry: createVersionRegistry(pool),
    blobs: createFileBlobStore(join(dataFolder, 'blobs')),
    maintain: () => maintain(pool),
    close,
  }
}
export type Storage = Awaited<ReturnType<typeof openStorage>>
