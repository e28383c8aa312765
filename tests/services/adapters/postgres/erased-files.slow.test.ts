import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { eraseUser } from '../../../../pipelines/retention/erasure.ts'
import { startEmbeddedPostgres } from '../../../../services/adapters/embedded/start.ts'
import { createErasureStore } from '../../../../services/adapters/postgres/erasure.ts'
import { migrate } from '../../../../services/adapters/postgres/migrate.ts'
import { createPool } from '../../../../services/adapters/postgres/pool.ts'
import { fill, placesOf } from '../../../contracts/erasure.ts'
import { emptied } from '../../../contracts/kept.ts'

const user = 'erased-7c1f9e02'
const fail = (fault: Error) => {
  throw fault
}

/** Files that hold the user, in UTF-8 or UTF-16. */
const filesWithUser = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const file = join(folder, name)
    if (!statSync(file).isFile()) return false
    const bytes = readFileSync(file)
    return bytes.includes(user) || bytes.includes(Buffer.from(user, 'utf16le'))
  })

test('once its tables were written again, no file of the data folder but the log holds an erased user', async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'polyrank-'))
  const database = await startEmbeddedPostgres({ dataFolder, onStopped: fail })
  const pool = createPool(database.connection, fail)
  try {
    await migrate(pool)
    const world = await emptied(pool)
    await fill({ world }, user)
    // Statistics sample what is in tables.
    await pool.query('analyze')
    await pool.query('checkpoint')
    const before = filesWithUser(dataFolder).filter((name) => !name.includes('pg_wal'))

    await eraseUser(user, { store: createErasureStore(pool), nowMs: Date.now, isDryRun: false })
    await pool.query('vacuum full')
    await pool.query('checkpoint')

    assert.ok(before.length > 5, String(before))
    assert.deepEqual(await placesOf(world, user), [])
    assert.deepEqual(
      filesWithUser(dataFolder).filter((name) => !name.includes('pg_wal')),
      [],
    )
  } finally {
    await pool.close()
    await database.close()
    rmSync(dataFolder, { recursive: true })
  }
})
