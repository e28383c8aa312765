import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Fault } from '../../../models/spec/fault.ts'
import { storageFault } from './faults.ts'
import { type Pool, type Sql, transaction } from './pool.ts'

const migrationsFolder = join(import.meta.dirname, '..', '..', '..', 'migrations')

/** Any numbers that no other program locks in the same database: 'polyrank' and 'polyfile' read as bytes, shortened to 32 bits. */
const lockKey = 0x706f6c79
const unboundLockKey = 0x66696c65

/** The first release on which all statements were tried. */
const oldestServer = 15

interface Migration {
  readonly name: string
  readonly path: string
  readonly text: string
  readonly checksum: string
}

/** Whoever comes after a migration that waits for a lock waits behind it: so it gives up soon, and tries again. */
export interface Patience {
  readonly lockTimeoutMs: number
  readonly pauseMs: number
  readonly tries: number
}
const usualPatience: Patience = { lockTimeoutMs: 2_000, pauseMs: 1_000, tries: 10 }

/** A file that begins so runs outside a transaction, a statement after another, and MUST be able to run twice. */
const unbound = /^-- no transaction\b/
/** An index of a large table takes its time. */
const longestStatementMs = 24 * 3_600_000

/**
 * Brings the tables up to date: applies the numbered files of `folder` that were not yet, in order, each in a transaction
 * of its own under an advisory lock, so that any number of processes may start at once. Returns the names applied.
 * Faults `POSTGRES_TOO_OLD`, `MIGRATION_CHANGED`, `MIGRATION_UNKNOWN`, `MIGRATION_FAILED`, `MIGRATION_BLOCKED`.
 */
export async function migrate(
  pool: Pool,
  folder = migrationsFolder,
  patience = usualPatience,
): Promise<readonly string[]> {
  await refuseOldServer(pool)
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
    const isNew = unbound.test(migration.text)
      ? await applyUnbound(pool, migration, patience)
      : await applyBound(pool, migration, patience)
    if (isNew) applied.push(migration.name)
  }
  return applied
}

/**
 * Those that are not applied yet; changes nothing. Faults `POSTGRES_TOO_OLD`, `MIGRATION_CHANGED`, `MIGRATION_UNKNOWN`.
 */
export async function lackingMigrations(pool: Pool): Promise<readonly string[]> {
  await refuseOldServer(pool)
  const migrations = await readMigrations(migrationsFolder)
  const { rows } = await pool.query<{ isThere: boolean }>(`select to_regclass('migrations') is not null as "isThere"`)
  if (!rows[0]!.isThere) return migrations.map(({ name }) => name)
  await refuseUnknown(pool, migrations)
  const lacking: string[] = []
  for (const migration of migrations) if (!(await isApplied(pool, migration))) lacking.push(migration.name)
  return lacking
}

async function refuseOldServer(sql: Sql): Promise<void> {
  const { rows } = await sql.query<{ server_version_num: string }>('show server_version_num')
  const version = Math.floor(Number(rows[0]!.server_version_num) / 10_000)
  if (version >= oldestServer) return
  throw new Fault(
    'POSTGRES_TOO_OLD',
    `This is PostgreSQL ${version}; ${oldestServer} or later is needed. Upgrade it, or name another in DATABASE_URL; without DATABASE_URL an embedded one is used.`,
    { details: { version } },
  )
}

async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{3}-.*\.sql$/.test(name)).sort()
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8')
      return { name, path: join(folder, name), text, checksum: createHash('sha256').update(text).digest('hex') }
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

async function isApplied(sql: Sql, { name, path, checksum }: Migration): Promise<boolean> {
  const { rows } = await sql.query<{ checksum: string }>('select checksum from migrations where name = $1', [name])
  if (rows[0] === undefined) return false
  if (rows[0].checksum === checksum) return true
  throw new Fault(
    'MIGRATION_CHANGED',
    `${name} was changed after it had been applied. Put it back as it was, and make the change in a new file.`,
    { path },
  )
}

/** Notes it as applied; false where another process did. */
async function note(sql: Sql, { name, checksum }: Migration): Promise<boolean> {
  const { rowCount } = await sql.query(
    'insert into migrations (name, checksum) values ($1, $2) on conflict do nothing',
    [name, checksum],
  )
  return rowCount === 1
}

async function applyBound(pool: Pool, migration: Migration, patience: Patience): Promise<boolean> {
  for (let left = patience.tries; ; left--) {
    try {
      return await transaction(pool, async (sql) => {
        await sql.query('select pg_advisory_xact_lock($1)', [lockKey])
        if (await isApplied(sql, migration)) return false
        await sql.query(`set local lock_timeout = ${patience.lockTimeoutMs}`)
        await sql.query(migration.text).catch((cause: Fault) => {
          throw whyNot(migration, cause, 'left nothing behind')
        })
        return note(sql, migration)
      })
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'MIGRATION_BLOCKED' || left <= 1) throw error
      await wait(patience.pauseMs)
    }
  }
}

async function applyUnbound(pool: Pool, migration: Migration, patience: Patience): Promise<boolean> {
  const client = await pool.checkout()
  let broken: Error | undefined
  const sql: Sql = {
    async query(text, values) {
      try {
        const query = { text, values: [...(values ?? [])], query_timeout: longestStatementMs }
        const { rows, rowCount } = await client.query(query)
        return { rows, rowCount: rowCount ?? 0 }
      } catch (error) {
        throw storageFault(error)
      }
    },
  }
  try {
    // Asked again and again: `create index concurrently` waits for every statement that runs, and so for one that waits for it.
    const lock = async () => {
      const { rows } = await sql.query<{ isMine: boolean }>('select pg_try_advisory_lock($1) as "isMine"', [
        unboundLockKey,
      ])
      return rows[0]!.isMine
    }
    while (!(await lock())) await wait(patience.pauseMs)
    if (await isApplied(sql, migration)) return false
    // Nobody waits behind this; but it waits for every transaction that is older.
    await sql.query(`set lock_timeout = ${patience.lockTimeoutMs * patience.tries}`)
    await sql.query('set statement_timeout = 0')
    for (const statement of migration.text.split(/;\s*$/m)) {
      await sql.query(statement).catch((cause: Fault) => {
        throw whyNot(migration, cause, 'begins again at the next start')
      })
    }
    return await note(sql, migration)
  } finally {
    // The embedded database has one session for all connections, so what was set is taken back.
    for (const undo of [
      'reset lock_timeout',
      'reset statement_timeout',
      `select pg_advisory_unlock(${unboundLockKey})`,
    ]) {
      await sql.query(undo).catch((failed: Fault) => {
        broken = failed
      })
    }
    client.release(broken)
  }
}

/** What a file's failure is: somebody is in the way, the connection is gone, or the file is at fault. */
function whyNot({ name, path }: Migration, cause: Fault, state: string): Fault {
  if (cause.retry && cause.code !== 'STORAGE_CONFLICT') return cause
  if (cause.code !== 'STORAGE_CONFLICT') {
    return new Fault('MIGRATION_FAILED', `${name} failed and ${state}: ${cause.message}`, { path, cause })
  }
  return new Fault(
    'MIGRATION_BLOCKED',
    `${name} waits for a transaction that does not end, and ${state}. See which in pg_stat_activity (state "idle in transaction", oldest xact_start), end it with pg_terminate_backend, and start again.`,
    { path, cause, status: 503, retry: true },
  )
}
