import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { migrate } from '../../services/adapters/postgres/migrate.ts'
import { createPool, transaction } from '../../services/adapters/postgres/pool.ts'
import { transactionsBefore004 } from './queries-before-004.ts'

const shipped = join(import.meta.dirname, '..', '..', 'migrations')
const isBefore004 = (name: string) => name < '004'
const folder = mkdtempSync(join(tmpdir(), 'polyrank-migrations-'))
for (const name of readdirSync(shipped).filter(isBefore004)) cpSync(join(shipped, name), join(folder, name))

const schema = `test_${randomUUID().replaceAll('-', '')}`
const open = (more = '') =>
  createPool(
    { connectionString: process.env.TEST_DATABASE_URL!, options: `-c search_path=${schema} ${more}` },
    assert.fail,
  )
const owner = open()
/** No statement of the release before may wait longer than this for a lock. */
const before = open('-c lock_timeout=2s')
after(async () => {
  await owner.query(`drop schema ${schema} cascade`)
  await owner.close()
  await before.close()
  rmSync(folder, { recursive: true })
})

const fill = `
  insert into events select 'old-' || n, n, 'feedback', 'rest', n, n, jsonb_build_object('itemId', 'i' || n) from generate_series(1, 200000) n;
  insert into slates select 's' || n, 'rest', 'r', null, null, 'u', n, '{}', '{}', null, null, 0, '[]' from generate_series(1, 50000) n;
  insert into history select 'u' || n % 1000, n, 'i', null, 'click', n from generate_series(1, 100000) n;
  insert into dead_letters (payload, code, path, message, source, received_at_ms) select 'x', 'C', '', 'm', 'rest', n from generate_series(1, 20000) n`

test('all that the release before asks goes on, and waits for nothing long, while the tables change under it and after', async () => {
  await owner.query(`create schema ${schema}`)
  await migrate(owner, folder)
  await owner.query(fill)
  let isOver = false
  const done = { meanwhile: 0, after: 0 }
  const work = async (worker: number) => {
    for (let turn = 0, left = 5; left > 0; turn++) {
      const wasOver = isOver
      for (const statements of transactionsBefore004(`${worker}-${turn}`)) {
        await transaction(before, async (sql) => {
          for (const { text, values } of statements) await sql.query(text, values)
        })
      }
      done[wasOver ? 'after' : 'meanwhile']++
      if (wasOver) left--
    }
  }

  const working = Promise.all([0, 1, 2, 3].map(work))
  const applied = await migrate(owner).finally(() => {
    isOver = true
  })
  await working

  const { rows } = await owner.query<{ taken: number; joined: number }>(
    `select (select count(*) from events where event_id not like 'old-%') as taken,
       (select count(*) from slates where ranker = 'r' and slate_id like '%-%') as joined`,
  )
  const turns = done.meanwhile + done.after
  assert.deepEqual(
    applied,
    readdirSync(shipped)
      .filter((name) => !isBefore004(name))
      .sort(),
  )
  assert.ok(done.meanwhile > 0)
  assert.equal(done.after, 4 * 5)
  assert.deepEqual(rows, [{ taken: turns, joined: turns }])
})
