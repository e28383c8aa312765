import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { join } from '../../../../pipelines/join/join.ts'
import { createJoinStore } from '../../../../services/adapters/postgres/join-store.ts'
import { migrate } from '../../../../services/adapters/postgres/migrate.ts'
import { createPool } from '../../../../services/adapters/postgres/pool.ts'
import { everyFeature } from '../../../contracts/every-feature.ts'

const schema = `test_${randomUUID().replaceAll('-', '')}`
const pool = createPool(
  { connectionString: process.env.TEST_DATABASE_URL!, options: `-c search_path=${schema}` },
  assert.fail,
)
before(async () => {
  await pool.query(`create schema ${schema}`)
  await migrate(pool)
})
after(async () => {
  await pool.query(`drop schema ${schema} cascade`)
  await pool.close()
})

test('a long backlog leaves no heap of dead rows where the next batch begins', async () => {
  const events = 60_000
  await pool.query('alter table pending set (autovacuum_enabled = false)')
  await pool.query(`insert into sources (name, watermark_ms) values ('past', ${events})`)
  await pool.query(
    `insert into pending (source, occurred_at_ms, rank, event_id, body)
     select 'past', n, 0, 'e' || n, json_build_object('type', 'user', 'eventId', 'e' || n, 'userId', 'u' || n)
     from generate_series(1, ${events}) n`,
  )

  const joined = await join({
    ...{ store: createJoinStore(pool), rankers: [everyFeature], latenessMs: 0, nowMs: () => events },
  })

  const { rows } = await pool.query<{ sweeps: number; dead: number }>(
    `select vacuum_count as sweeps, n_dead_tup as dead, pg_stat_force_next_flush() from pg_stat_user_tables
     where schemaname = $1 and relname = 'pending'`,
    [schema],
  )
  assert.equal(joined, events)
  assert.equal(rows[0]!.sweeps, 1)
  assert.ok(rows[0]!.dead < 20_000, `${rows[0]!.dead} dead rows`)
})
