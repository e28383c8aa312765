import type { Pool } from './pool.ts'

/** A table is due when so many of its rows changed since it last was, and a tenth of it. */
const leastChanges = 1_000
const dueShare = 0.1
/** What a start after a kill reads again, and what the log takes on the disk: it is never shortened, only used again. */
const mostLogBytes = 64 * 2 ** 20

/**
 * What PostgreSQL does by itself in the background, and the embedded database does not: removes dead rows, learns what the
 * planner needs, and lets the write-ahead log be used again. Call it from time to time: where little changed it costs three
 * queries. A table at a time, so that others get their turn in between; each holds the embedded database until it is done.
 * Returns what was done, in order: names of tables, and `checkpoint`.
 */
export async function maintain(pool: Pool): Promise<readonly string[]> {
  // Counts of changes lag behind otherwise.
  await pool.query('select pg_stat_force_next_flush()')
  const { rows } = await pool.query<{ name: string }>(
    `select relname as name from pg_stat_user_tables
     where schemaname = current_schema()
       and greatest(n_dead_tup, n_mod_since_analyze) >= $1 + $2::float8 * n_live_tup
     order by relname`,
    [leastChanges, dueShare],
  )
  for (const { name } of rows) await pool.query(`vacuum (analyze) "${name}"`)
  const log = await pool.query<{ isLong: boolean }>(
    `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn) >= $1 as "isLong" from pg_control_checkpoint()`,
    [mostLogBytes],
  )
  const done = rows.map(({ name }) => name)
  if (!log.rows[0]!.isLong) return done
  await pool.query('checkpoint')
  return [...done, 'checkpoint']
}
