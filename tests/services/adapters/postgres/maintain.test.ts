import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { maintain } from '../../../../services/adapters/postgres/maintain.ts'
import type { Pool } from '../../../../services/adapters/postgres/pool.ts'
import { openEmbedded, openedOnce } from '../../../contracts/databases.ts'

describe('maintaining the embedded database', () => {
  const connect = openedOnce(openEmbedded)
  const fill = (pool: Pool, rows: number) =>
    pool.query(
      `insert into tallies (scope, key, tally) select 'item', n::text, '{}' from generate_series(1, $1::int) n
       on conflict do nothing`,
      [rows],
    )
  const stateOf = async (pool: Pool) => {
    await pool.query('select pg_stat_force_next_flush()')
    const { rows } = await pool.query<{ dead: number; planned: number }>(
      `select n_dead_tup as dead, reltuples::bigint as planned from pg_stat_user_tables
       join pg_class on pg_class.oid = relid where pg_class.relname = 'tallies'`,
    )
    return rows[0]!
  }
  /** Bytes of log that a start after a kill would read. */
  const logBytes = async (pool: Pool) =>
    (
      await pool.query<{ bytes: number }>(
        'select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn)::bigint as bytes from pg_control_checkpoint()',
      )
    ).rows[0]!.bytes

  test('a database in which little changed is left as it is', async () => {
    const pool = await connect()
    await fill(pool, 500)

    assert.deepEqual(await maintain(pool), [])
  })

  test('a table that changed is cleaned, and the planner learns its size; then there is nothing to do', async () => {
    const pool = await connect()
    await fill(pool, 5_000)
    await pool.query('delete from tallies where key::int > 2000')
    const before = await stateOf(pool)

    const done = [await maintain(pool), await maintain(pool)]

    assert.ok(before.dead > 1_000)
    assert.deepEqual(done, [['tallies'], []])
    assert.deepEqual(await stateOf(pool), { dead: 0, planned: 2_000 })
  })

  test('a log that has grown long is let go', async () => {
    const pool = await connect()
    const before = await logBytes(pool)
    await pool.query(
      `select pg_logical_emit_message(false, 'filler', repeat('x', 10000000)) from generate_series(1, 7)`,
    )
    const grown = await logBytes(pool)

    const done = await maintain(pool)

    assert.ok(grown - before > 64 * 2 ** 20)
    assert.deepEqual(done, ['checkpoint'])
    assert.ok((await logBytes(pool)) < 2 ** 20)
  })
})
