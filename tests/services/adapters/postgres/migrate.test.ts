import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { migrate } from '../../../../services/adapters/postgres/migrate.ts'
import { createPool, type Pool } from '../../../../services/adapters/postgres/pool.ts'
import { onEachDatabase } from '../../../contracts/databases.ts'
import { startFakeServer } from './fake-server.ts'

const shipped = join(import.meta.dirname, '..', '..', '..', '..', 'migrations')
const shippedNames = readdirSync(shipped).sort()
const root = mkdtempSync(join(tmpdir(), 'polyrank-migrations-'))
after(() => rmSync(root, { recursive: true }))

/** The shipped files and `more`, in a folder of their own. */
function folderWith(more: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(root, 'folder-'))
  cpSync(shipped, folder, { recursive: true })
  for (const [name, text] of Object.entries(more)) writeFileSync(join(folder, name), text)
  return folder
}

onEachDatabase('migrations', (connect) => {
  const tables = async (pool: Pool) => {
    const { rows } = await pool.query<{ name: string }>(
      'select table_name as name from information_schema.tables where table_schema = current_schema() order by 1',
    )
    return rows.map(({ name }) => name)
  }
  const functions = async (pool: Pool) => {
    const { rows } = await pool.query<{ name: string }>(
      'select oid::regprocedure::text as name from pg_proc where pronamespace = current_schema()::regnamespace',
    )
    return rows.map(({ name }) => name)
  }
  const recorded = async (pool: Pool) =>
    (await pool.query<{ name: string }>('select name from migrations order by name')).rows.map(({ name }) => name)
  /** Takes back what a test added. */
  const forget = async (pool: Pool, names: readonly string[], madeTables: readonly string[]) => {
    for (const table of madeTables) await pool.query(`drop table ${table}`)
    await pool.query('delete from migrations where name = any($1::text[])', [names])
  }

  test('what was applied is not applied again', async () => {
    const pool = await connect()

    const applied = await migrate(pool)

    assert.deepEqual([applied, await recorded(pool)], [[], shippedNames])
  })

  test('processes that start at once on an empty database apply each file once', async () => {
    const pool = await connect()
    const before = await tables(pool)
    await pool.query(`drop table ${before.join(', ')} cascade`)
    for (const each of await functions(pool)) await pool.query(`drop function ${each}`)

    const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(pool)))

    assert.deepEqual(applied.flat().sort(), shippedNames)
    assert.deepEqual([await tables(pool), await recorded(pool)], [before, shippedNames])
  })

  test('new files are applied in the order of their numbers, and other files are none', async () => {
    const pool = await connect()
    const folder = folderWith({
      '901-second.sql': 'alter table ordered add column b int',
      '900-first.sql': "create table ordered (a text); insert into ordered values ('; -- no end');",
      'notes.sql': 'select 1/0',
      '90-short.sql': 'select 1/0',
    })

    const applied = await migrate(pool, folder)

    const { rows } = await pool.query('select a, b from ordered')
    assert.deepEqual(applied, ['900-first.sql', '901-second.sql'])
    assert.deepEqual(rows, [{ a: '; -- no end', b: null }])
    await forget(pool, applied, ['ordered'])
  })

  test('a file that fails leaves nothing of itself, keeps those before it, and is applied once it is mended', async () => {
    const pool = await connect()
    const before = { '900-good.sql': 'create table good (a int)' }
    const failing = folderWith({ ...before, '901-bad.sql': 'create table bad (a int); insert into nowhere values (1)' })

    await assert.rejects(migrate(pool, failing), {
      code: 'MIGRATION_FAILED',
      path: join(failing, '901-bad.sql'),
      message: /901-bad\.sql .*nowhere/,
    })
    const left = (await tables(pool)).filter((name) => name === 'good' || name === 'bad')
    const names = await recorded(pool)
    const applied = await migrate(pool, folderWith({ ...before, '901-bad.sql': 'create table bad (a int)' }))

    assert.deepEqual([left, names], [['good'], [...shippedNames, '900-good.sql']])
    assert.deepEqual(applied, ['901-bad.sql'])
    await forget(pool, ['900-good.sql', '901-bad.sql'], ['good', 'bad'])
  })

  test('a file that was changed after it was applied is refused, to the letter', async () => {
    const pool = await connect()
    const [name] = shippedNames
    const folder = folderWith({ [name!]: `${readFileSync(join(shipped, name!), 'utf8')}\n` })

    const migrating = migrate(pool, folder)

    await assert.rejects(migrating, { code: 'MIGRATION_CHANGED', path: join(folder, name!) })
  })

  test('a database of a newer version is refused, and nothing is applied to it', async () => {
    const pool = await connect()
    const newer = await migrate(pool, folderWith({ '999-newer.sql': 'create table newer (a int)' }))

    const migrating = migrate(pool, folderWith({ '900-never.sql': 'create table never (a int)' }))

    await assert.rejects(migrating, { code: 'MIGRATION_UNKNOWN', path: '999-newer.sql' })
    assert.ok(!(await tables(pool)).includes('never'))
    await forget(pool, newer, ['newer'])
  })

  test('a file without a transaction runs a statement after another, begins again where it failed, and is applied once', async () => {
    const pool = await connect()
    const made = `-- no transaction
      create table if not exists unbound (a int);
      drop index concurrently if exists unbound_a;
      create index concurrently unbound_a on unbound (a);`

    await assert.rejects(migrate(pool, folderWith({ '900-unbound.sql': `${made}\nselect 1/0;\n` })), {
      code: 'MIGRATION_FAILED',
      message: /900-unbound\.sql failed and begins again/,
    })
    const names = await recorded(pool)
    const folder = folderWith({ '900-unbound.sql': made })
    const applied = [await migrate(pool, folder), await migrate(pool, folder)]

    assert.deepEqual(names, shippedNames)
    assert.deepEqual(applied, [['900-unbound.sql'], []])
    const { rows } = await pool.query(`select indisvalid from pg_index where indexrelid = 'unbound_a'::regclass`)
    assert.deepEqual(rows, [{ indisvalid: true }])
    await forget(pool, ['900-unbound.sql'], ['unbound'])
  })
})

test('a server that is too old is refused before anything is asked of it, and the way out is said', async () => {
  const server = await startFakeServer({ server_version_num: '140018' })
  const pool = createPool(server.connection, assert.fail)

  await assert.rejects(migrate(pool), {
    code: 'POSTGRES_TOO_OLD',
    message: /PostgreSQL 14; 15 or later.*DATABASE_URL/,
    details: { version: 14 },
  })

  assert.deepEqual(server.statements, ['show server_version_num'])
  await pool.close()
  await server.close()
})
