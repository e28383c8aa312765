import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../../models/spec/fault.ts'
import { type Pool, type Sql, transaction } from './pool.ts'

const migrationsFolder = join(import.meta.dirname, '..', '..', '..', 'migrations')

/** Any number that no other program locks in the same database: 'polyrank' read as bytes, shortened to 32 bits. */
const lockKey = 0x706f6c79

interface Migration {
  readonly name: string
  readonly text: string
  readonly checksum: string
}

/**
 * Brings the tables up to date: applies the numbered files of `folder` that were not yet, in order, each in a transaction
 * of its own under an advisory lock, so that any number of processes may start at once. Returns the names applied.
 * Faults `MIGRATION_CHANGED`, `MIGRATION_UNKNOWN`, `MIGRATION_FAILED`.
 */
export async function migrate(pool: Pool, folder = migrationsFolder): Promise<readonly string[]> {
  const migrations = await readMigrations(folder)
  await transaction(pool, async (sql) => {
    await sql.query('select pg_advisory_xact_lock($1)', [lockKey])
    await sql.query(
      `create table if not exists migrations (
         name text primary key,
         checksum text not null,
         applied_at timestamptz not null default now()
       )`,
    )
    await refuseUnknown(sql, migrations)
  })
  const applied: string[] = []
  for (const migration of migrations) {
    if (await transaction(pool, (sql) => apply(sql, migration, folder))) applied.push(migration.name)
  }
  return applied
}

async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{3}-.*\.sql$/.test(name)).sort()
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8')
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') }
    }),
  )
}

async function refuseUnknown(sql: Sql, migrations: readonly Migration[]): Promise<void> {
  const { rows } = await sql.query<{ name: string }>('select name from migrations order by name')
  const unknown = rows.find(({ name }) => !migrations.some((migration) => migration.name === name))
  if (unknown !== undefined) {
    throw new Fault(
      'MIGRATION_UNKNOWN',
      `The database has ${unknown.name}, which this version does not know. Run the newer version that made it.`,
      { path: unknown.name },
    )
  }
}

async function apply(sql: Sql, { name, text, checksum }: Migration, folder: string): Promise<boolean> {
  await sql.query('select pg_advisory_xact_lock($1)', [lockKey])
  const { rows } = await sql.query<{ checksum: string }>('select checksum from migrations where name = $1', [name])
  const path = join(folder, name)
  if (rows[0] !== undefined) {
    if (rows[0].checksum === checksum) return false
    throw new Fault(
      'MIGRATION_CHANGED',
      `${name} was changed after it had been applied. Put it back as it was, and make the change in a new file.`,
      { path },
    )
  }
  try {
    await sql.query(text)
  } catch (cause) {
    throw new Fault('MIGRATION_FAILED', `${name} failed and left nothing behind: ${(cause as Error).message}`, {
      path,
      cause,
    })
  }
  await sql.query('insert into migrations (name, checksum) values ($1, $2)', [name, checksum])
  return true
}
