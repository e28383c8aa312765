import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { startEmbeddedPostgres } from '../../services/adapters/embedded/start.ts'
import { migrate } from '../../services/adapters/postgres/migrate.ts'
import { createPool, type Pool } from '../../services/adapters/postgres/pool.ts'

export interface Opened {
  readonly pool: Pool
  close(): Promise<void>
}

const fail = (fault: Error) => {
  throw fault
}

/** An embedded database in a folder of its own. */
export async function openEmbedded(): Promise<Opened> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'polyrank-'))
  const database = await startEmbeddedPostgres({ dataFolder, onStopped: fail })
  const pool = createPool(database.connection, fail)
  await migrate(pool)
  return {
    pool,
    async close() {
      await pool.close()
      await database.close()
      rmSync(dataFolder, { recursive: true })
    },
  }
}

/** PostgreSQL at `url`, in a schema of its own. */
async function openServer(url: string): Promise<Opened> {
  const schema = `test_${randomUUID().replaceAll('-', '')}`
  const owner = createPool({ connectionString: url, max: 1 }, fail)
  await owner.query(`create schema ${schema}`)
  const pool = createPool({ connectionString: url, options: `-c search_path=${schema}` }, fail)
  await migrate(pool)
  return {
    pool,
    async close() {
      await pool.close()
      await owner.query(`drop schema ${schema} cascade`)
      await owner.close()
    },
  }
}

/** Opens on first use, once; closes after the suite in which this is called. */
export function openedOnce(open: () => Promise<Opened>): () => Promise<Pool> {
  let opening: Promise<Opened> | undefined
  after(async () => (await opening)?.close())
  return async () => {
    opening ??= open()
    return (await opening).pool
  }
}

/** Declares a contract's tests once for each database that there is. A start costs seconds: once a file, please. */
export function onEachDatabase(suite: string, declare: (connect: () => Promise<Pool>) => void): void {
  describe(`${suite} on the embedded database`, () => declare(openedOnce(openEmbedded)))
  const url = process.env.TEST_DATABASE_URL
  if (url === undefined) test(`${suite} on PostgreSQL`, { skip: 'TEST_DATABASE_URL is not set' }, () => {})
  else describe(`${suite} on PostgreSQL`, () => declare(openedOnce(() => openServer(url))))
}
