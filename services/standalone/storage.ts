import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import type { Fault } from '../../models/spec/fault.ts'
import { createFileBlobStore } from '../adapters/blobs/files.ts'
import { diskFault } from '../adapters/disk-faults.ts'
import { lockDataFolder } from '../adapters/embedded/lock.ts'
import { findEmbeddedPostgres, startEmbeddedPostgres } from '../adapters/embedded/start.ts'
import { createErasureStore } from '../adapters/postgres/erasure.ts'
import { createDeadLetters, createEventLedger } from '../adapters/postgres/event-ledger.ts'
import { createExampleSource } from '../adapters/postgres/examples.ts'
import { createIngestStore } from '../adapters/postgres/ingest-store.ts'
import { createJobQueue } from '../adapters/postgres/jobs.ts'
import { createJoinStore } from '../adapters/postgres/join-store.ts'
import { createKnowledgeStore } from '../adapters/postgres/knowledge.ts'
import { createLineageStore } from '../adapters/postgres/lineage.ts'
import { maintain } from '../adapters/postgres/maintain.ts'
import { migrate } from '../adapters/postgres/migrate.ts'
import { createPool, type Pool } from '../adapters/postgres/pool.ts'
import { createPositionStore } from '../adapters/postgres/positions.ts'
import { createRetentionStore } from '../adapters/postgres/retention.ts'
import { type Listener, listenForSignals, type Signal } from '../adapters/postgres/signals.ts'
import { createVersionRegistry } from '../adapters/postgres/versions.ts'
import type { Settings } from './settings.ts'

export type StorageSettings = Pick<Settings, 'databaseUrl' | 'dataFolder'>

/**
 * Every port of the flows for the process that owns the data folder: on PostgreSQL where `databaseUrl` says so, else on the
 * embedded database, which it starts. Brings the tables up to date. Faults of starting, and of `migrate`; `onLost` hears
 * where the embedded one ends by itself.
 */
export async function openStorage(
  settings: StorageSettings,
  onFault: (fault: Fault) => void,
  onLost: (fault: Fault) => void,
) {
  const database = await start(settings, onLost)
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
  return { ...portsOf(pool, settings), close }
}

/** Null on the embedded database, which carries no signals; look from time to time in any case. */
export function listenToStorage(
  settings: StorageSettings,
  onSignal: (signal: Signal) => void,
  onFault: (fault: Fault) => void,
): Listener | null {
  const connection = connectionOf(settings)
  return connection === null ? null : listenForSignals(connection, onSignal, onFault)
}

/**
 * The same ports for a process beside the service. Faults `EMBEDDED_POSTGRES_NOT_RUNNING`, and those of PostgreSQL at the
 * first use.
 */
export function joinStorage(settings: StorageSettings, onFault: (fault: Fault) => void): Storage {
  const pool = createPool(connectionOf(settings) ?? findEmbeddedPostgres(settings.dataFolder), onFault)
  return { ...portsOf(pool, settings), close: pool.close }
}

export type Storage = Awaited<ReturnType<typeof openStorage>>

/** Null: the embedded one. */
function connectionOf({ databaseUrl }: StorageSettings): pg.PoolConfig | null {
  return databaseUrl === null ? null : { connectionString: databaseUrl, application_name: 'polyrank', keepAlive: true }
}

async function start(settings: StorageSettings, onLost: (fault: Fault) => void) {
  const connection = connectionOf(settings)
  if (connection === null) return startEmbeddedPostgres({ dataFolder: settings.dataFolder, onStopped: onLost })
  try {
    mkdirSync(settings.dataFolder, { recursive: true, mode: 0o700 })
    const unlock = lockDataFolder(settings.dataFolder)
    return { connection, close: async () => unlock() }
  } catch (error) {
    throw diskFault(error, settings.dataFolder) ?? error
  }
}

const portsOf = (pool: Pool, { databaseUrl, dataFolder }: StorageSettings) => ({
  ingest: createIngestStore(pool),
  positions: createPositionStore(pool),
  join: createJoinStore(pool),
  knowledge: createKnowledgeStore(pool),
  examples: createExampleSource(pool),
  ledger: createEventLedger(pool),
  deadLetters: createDeadLetters(pool),
  jobs: createJobQueue(pool, Date.now),
  registry: createVersionRegistry(pool),
  lineage: createLineageStore(pool),
  retention: createRetentionStore(pool),
  erasure: createErasureStore(pool),
  blobs: createFileBlobStore(join(dataFolder, 'blobs')),
  /** PostgreSQL looks after itself. */
  maintain: databaseUrl === null ? () => maintain(pool) : async () => [],
})
