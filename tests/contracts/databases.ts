import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { startEmbeddedPostgres } from '../../services/adapters/embedded/start.ts'
import { migrate } from '../../services/adapters/postgres/migrate.ts'
import { createPool, type Pool } from '../../services/adapters/postgres/pool.ts'

const fail = (fault: Error) => {
  throw fault
}

/** An embedded database in a folder of its own, gone after the file's tests. One start (about 2 s) a test file, please. */
export async function embeddedPool(): Promise<Pool> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'polyrank-'))
  const database = await startEmbeddedPostgres({ dataFolder, onStopped: fail })
  const pool = createPool(database.connection, fail)
  after(async () => {
    await pool.close()
    await database.close()
    rmSync(dataFolder, { recursive: true })
  })
  await migrate(pool)
  return pool
}

/** PostgreSQL at TEST_DATABASE_URL, in a schema of its own. */
export async function serverPool(url: string): Promise<Pool> {
  const schema = `test_${randomUUID().replaceAll('-', '')}`
  const owner = createPool({ connectionString: url, max: 1 }, fail)
  await owner.query(`create schema ${schema}`)
  const pool = createPool({ connectionString: url, options: `-c search_path=${schema}` }, fail)
  after(async () => {
    await pool.close()
    await owner.query(`drop schema ${schema} cascade`)
    await owner.close()
  })
  await migrate(pool)
  return pool
}

/** Declares a contract's tests for each database that there is. `connect` starts on first use, once. */
export function onEachDatabase(suite: string, declare: (name: string, connect: () => Promise<Pool>) => void): void {
  const once = (start: () => Promise<Pool>) => {
    let pool: Promise<Pool> | undefined
    return () => {
      pool ??= start()
      return pool
    }
  }
  declare(`${suite} on the embedded database`, once(embeddedPool))
  const url = process.env.TEST_DATABASE_URL
  if (url === undefined) test(`${suite} on PostgreSQL`, { skip: 'TEST_DATABASE_URL is not set' }, () => {})
  else
    declare(
      `${suite} on PostgreSQL`,
      once(() => serverPool(url)),
    )
}
