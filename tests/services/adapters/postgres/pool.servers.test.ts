import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import type pg from 'pg'
import type { Fault } from '../../../../models/spec/fault.ts'
import { createPool, type Sql, transaction } from '../../../../services/adapters/postgres/pool.ts'
import { type PostgresServer, startPostgres } from '../../../servers/postgres.ts'
import { makeServersFolder } from '../../../servers/server.ts'

// A server of its own, since it is ended.
const folder = makeServersFolder()
let server: PostgresServer | undefined
before(async () => {
  server = await startPostgres(join(folder, 'postgres'))
})
after(async () => {
  await server?.kill()
  rmSync(folder, { recursive: true })
})

function open(context: TestContext, more: pg.PoolConfig = {}) {
  const pool = createPool({ connectionString: server!.url, ...more }, () => {})
  context.after(() => pool.close())
  return pool
}
const unavailable = (message: RegExp) => ({ name: 'Fault', code: 'STORAGE_UNAVAILABLE', retry: true, message })
const one = async <Value>(sql: Sql, text: string): Promise<Value> => {
  const { rows } = await sql.query<{ value: Value }>(`select ${text} as value`)
  return rows[0]!.value
}
const own = (sql: Sql) => one<number>(sql, 'pg_backend_pid()')

test('connections carry the name of the program', async (context) => {
  assert.equal(await one(open(context), `current_setting('application_name')`), 'polyrank')
})

test('where all connections are busy, one more caller is told so in time, and gets one when there is one', async (context) => {
  const pool = open(context, { max: 2, connectionTimeoutMillis: 200 })
  const busy = [await pool.checkout(), await pool.checkout()]

  await assert.rejects(pool.query('select 1'), unavailable(/no connection free/))
  await assert.rejects(
    transaction(pool, async () => {}),
    unavailable(/no connection free/),
  )
  for (const client of busy) client.release()

  assert.equal(await one(pool, '1'), 1)
})

test('a statement that takes too long is ended, on the server too', async (context) => {
  const pool = open(context, { max: 1, statement_timeout: 100 })

  await assert.rejects(pool.query(`select pg_sleep(600) /* slow */`), unavailable(/statement timeout/))

  const running = `(select count(*) from pg_stat_activity where state = 'active' and query like '%/* slow */')`
  assert.equal(await one(pool, running), 0)
})

test('a transaction in which nothing is said for too long is ended, so that it holds nothing', async (context) => {
  const pool = open(context, { max: 1, idle_in_transaction_session_timeout: 100 })
  const other = open(context)

  const idling = transaction(pool, async (sql) => {
    const id = await own(sql)
    while (await one(other, `exists (select from pg_stat_activity where pid = ${id})`)) await own(other)
    await own(sql)
  })

  await assert.rejects(idling, unavailable(/does not answer/))
  assert.equal(await one(pool, '1'), 1)
})

test('a connection that is ended in the middle of a transaction takes all of it along, and the next one runs', async (context) => {
  const pool = open(context, { max: 1 })
  const operator = open(context)
  await operator.query('create table cut (n int)')
  const insert = (n: number, then: (sql: Sql) => Promise<unknown>) =>
    transaction(pool, async (sql) => {
      await sql.query('insert into cut values ($1)', [n])
      await then(sql)
    })

  const cut = insert(1, async (sql) => {
    await operator.query('select pg_terminate_backend($1)', [await own(sql)])
    await own(sql)
  })
  await assert.rejects(cut, unavailable(/does not answer/))
  await insert(2, async () => {})

  assert.deepEqual((await operator.query('select n from cut')).rows, [{ n: 2 }])
})

test('two transactions that wait for each other: one is told to try again, the other goes on', async (context) => {
  const pool = open(context)
  await pool.query('create table crossed (n int primary key); insert into crossed values (1), (2)')
  let both = 0
  const update = (first: number, second: number) =>
    transaction(pool, async (sql) => {
      await sql.query('update crossed set n = n where n = $1', [first])
      both++
      while (both < 2) await own(pool)
      await sql.query('update crossed set n = n where n = $1', [second])
    }).then(
      () => 'done',
      ({ code, retry }: Fault) => [code, retry],
    )

  const ends = await Promise.all([update(1, 2), update(2, 1)])

  assert.deepEqual(ends.toSorted(), [['STORAGE_CONFLICT', true], 'done'])
})

test('a transaction whose view of the rows is out of date is told to try again', async (context) => {
  const pool = open(context)
  await pool.query('create table viewed (n int); insert into viewed values (1)')

  const outdated = transaction(pool, async (sql) => {
    await sql.query('set transaction isolation level repeatable read')
    await sql.query('select * from viewed')
    await pool.query('update viewed set n = 2')
    await sql.query('update viewed set n = 3')
  })

  await assert.rejects(outdated, { code: 'STORAGE_CONFLICT', retry: true, details: { sqlState: '40001' } })
})

test('a server that takes no changes for a while is unavailable, and the pool connects anew', async (context) => {
  const pool = open(context, { max: 1 })
  const operator = open(context, { max: 1 })
  await operator.query('create table switched (n int)')
  const setting = async (value: 'on' | 'off') => {
    await operator.query(`alter system set default_transaction_read_only = ${value}`)
    await operator.query('select pg_reload_conf()')
    while ((await one(pool, `current_setting('default_transaction_read_only')`)) !== value);
  }
  const insert = (n: number) =>
    transaction(pool, async (sql) => {
      await sql.query('insert into switched values ($1)', [n])
      return own(sql)
    })
  const before = await insert(1)

  await setting('on')
  await assert.rejects(insert(2), unavailable(/takes no changes now/))
  const meanwhile = await own(pool)
  await setting('off')
  await insert(3)

  assert.notEqual(meanwhile, before)
  assert.deepEqual((await pool.query('select n from switched')).rows, [{ n: 1 }, { n: 3 }])
})

test('a role that does not exist and a database that does not are refused for good', async (context) => {
  const denied = { code: 'STORAGE_DENIED', retry: false, message: /DATABASE_URL/ }

  await assert.rejects(own(open(context, { connectionString: server!.url.replace('postgres@', 'nobody@') })), denied)
  await assert.rejects(own(open(context, { connectionString: `${server!.url}_nowhere` })), denied)
})

for (const way of ['stop', 'kill'] as const) {
  test(`after a ${way} and a start of the server the same pool goes on, and hears of its lost connections`, async (context) => {
    const lost: string[] = []
    const pool = createPool({ connectionString: server!.url }, ({ code }) => lost.push(code))
    context.after(() => pool.close())
    await pool.query(`create table over_${way} (n int)`)
    const running = transaction(pool, async (sql) => {
      await sql.query(`insert into over_${way} values (1)`)
      await server![way]()
      await sql.query('select 1')
    })

    await assert.rejects(running, unavailable(/does not answer/))
    await assert.rejects(pool.query('select 1'), unavailable(/ECONNREFUSED/))
    await server!.start()
    await pool.query(`insert into over_${way} values (2)`)

    assert.deepEqual((await pool.query(`select n from over_${way}`)).rows, [{ n: 2 }])
    assert.ok(lost.every((code) => code === 'STORAGE_UNAVAILABLE'))
  })
}
