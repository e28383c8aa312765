import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { migrate } from '../../../../services/adapters/postgres/migrate.ts'
import { createPool, type Pool, transaction } from '../../../../services/adapters/postgres/pool.ts'

async function open(context: TestContext, files: Readonly<Record<string, string>>) {
  const schema = `test_${randomUUID().replaceAll('-', '')}`
  const options = `-c search_path=${schema}`
  const pool = createPool({ connectionString: process.env.TEST_DATABASE_URL!, options }, assert.fail)
  await pool.query(`create schema ${schema}; create table busy (a int)`)
  const folder = mkdtempSync(join(tmpdir(), 'polyrank-migrations-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  context.after(async () => {
    await pool.query(`drop schema ${schema} cascade`)
    await pool.close()
    rmSync(folder, { recursive: true })
  })
  return { pool, folder }
}

/** Runs `meanwhile` while a transaction that has read and written the table goes on. */
const whileBusy = <Result>(pool: Pool, meanwhile: () => Promise<Result>) =>
  transaction(pool, async (sql) => {
    await sql.query('insert into busy values (1)')
    return meanwhile()
  })
const short = { lockTimeoutMs: 50, pauseMs: 1, tries: 3 }
const blocked = { code: 'MIGRATION_BLOCKED', retry: true, message: /001-.*pg_stat_activity.*pg_terminate_backend/ }
const isWaiting = async (pool: Pool, statement: string) => {
  const { rows } = await pool.query<{ is: boolean }>(
    `select exists (select from pg_stat_activity where wait_event_type = 'Lock' and query like $1) as is`,
    [`%${statement}%`],
  )
  return rows[0]!.is
}

test('a migration behind a transaction that does not end gives up, and is applied at the next start', async (context) => {
  const { pool, folder } = await open(context, { '001-add.sql': 'alter table busy add column b int' })

  await whileBusy(pool, () => assert.rejects(migrate(pool, folder, short), blocked))

  assert.deepEqual(await migrate(pool, folder, short), ['001-add.sql'])
})

test('a migration behind a transaction that ends in time is applied', async (context) => {
  const { pool, folder } = await open(context, { '001-add.sql': 'alter table busy add column waited int' })

  const migrating = await whileBusy(pool, async () => {
    const begun = migrate(pool, folder, { ...short, tries: 1_000 })
    while (!(await isWaiting(pool, 'add column waited')));
    return { begun }
  })

  assert.deepEqual(await migrating.begun, ['001-add.sql'])
})

test('an index that is built while others write gives up behind one that does not end, and is whole after the next start', async (context) => {
  const { pool, folder } = await open(context, {
    '001-index.sql': `-- no transaction
      drop index concurrently if exists busy_a;
      create index concurrently busy_a on busy (a);`,
  })
  const isWhole = `select indisvalid as is from pg_index where indexrelid = to_regclass('busy_a')`

  await whileBusy(pool, () => assert.rejects(migrate(pool, folder, short), blocked))
  const left = (await pool.query(isWhole)).rows
  const applied = await migrate(pool, folder, short)

  assert.deepEqual(left, [{ is: false }])
  assert.deepEqual(applied, ['001-index.sql'])
  assert.deepEqual((await pool.query(isWhole)).rows, [{ is: true }])
})

test('processes that start at once build an index once, and none stands in the way of another', async (context) => {
  const { pool, folder } = await open(context, {
    '001-index.sql': '-- no transaction\ncreate index concurrently busy_a on busy (a);',
  })

  const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(pool, folder, { ...short, tries: 200 })))

  assert.deepEqual(applied.flat(), ['001-index.sql'])
})

test('what a migration set for itself is not left to whoever has its connection next', async (context) => {
  const { folder } = await open(context, { '001-nothing.sql': '-- no transaction\nselect 1;' })
  const schema = `test_${randomUUID().replaceAll('-', '')}`
  const options = `-c search_path=${schema}`
  const single = createPool({ connectionString: process.env.TEST_DATABASE_URL!, options, max: 1 }, assert.fail)
  context.after(() => single.close())
  await single.query(`create schema ${schema}`)
  const state = async () => {
    const { rows } = await single.query(
      `select pg_backend_pid() as id, current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement,
         (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks`,
    )
    return rows
  }
  const before = await state()

  await migrate(single, folder, short)

  assert.deepEqual(await state(), before)
  await single.query(`drop schema ${schema} cascade`)
})
