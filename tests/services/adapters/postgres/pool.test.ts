import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { Fault } from '../../../../models/spec/fault.ts'
import { createPool, transaction } from '../../../../services/adapters/postgres/pool.ts'
import { onEachDatabase } from '../../../contracts/databases.ts'
import { startFakeServer } from './fake-server.ts'

onEachDatabase('a pool', (connect) => {
  test('counts arrive as numbers, up to the last that is exact', async () => {
    const pool = await connect()

    const { rows } = await pool.query<{ count: number; most: number; least: number }>(
      'select count(*) as count, $1::bigint as most, -$1::bigint as least from generate_series(1, 3)',
      [Number.MAX_SAFE_INTEGER],
    )

    assert.deepEqual(rows, [{ count: 3, most: Number.MAX_SAFE_INTEGER, least: Number.MIN_SAFE_INTEGER }])
  })

  test('a number that is not exact is refused, and can be had as text', async () => {
    const pool = await connect()
    const tooLarge = String(2n ** 53n)

    await assert.rejects(pool.query('select $1::bigint as number', [tooLarge]), { code: 'NUMBER_TOO_LARGE' })
    const { rows } = await pool.query('select ($1::bigint)::text as number', [tooLarge])

    assert.deepEqual(rows, [{ number: tooLarge }])
  })

  test('rows that a statement changed are counted', async () => {
    const pool = await connect()
    await pool.query('create table counted (n int)')

    const inserted = await pool.query('insert into counted select generate_series(1, 5)')
    const deleted = await pool.query('delete from counted where n > $1', [3])

    assert.deepEqual([inserted.rowCount, deleted.rowCount], [5, 2])
    await pool.query('drop table counted')
  })

  test('a transaction is kept whole or not at all, and its own error is what comes of it', async () => {
    const pool = await connect()
    await pool.query('create table kept (n int)')
    const insert = (n: number, after: () => unknown) =>
      transaction(pool, async (sql) => {
        await sql.query('insert into kept values ($1)', [n])
        return after()
      })
    const own = new Fault('OWN', 'its own')

    const result = await insert(1, () => 'done')
    await assert.rejects(
      insert(2, () => Promise.reject(own)),
      own,
    )
    await assert.rejects(
      transaction(pool, async (sql) => {
        await sql.query('insert into kept values (3)')
        // Caught, and yet nothing can be committed after it.
        await sql.query('select 1/0').catch(() => {})
      }),
      { code: 'STORAGE_FAILED' },
    )

    assert.equal(result, 'done')
    assert.deepEqual((await pool.query('select n from kept')).rows, [{ n: 1 }])
    await pool.query('drop table kept')
  })

  test('statements that a transaction asks at once run in order, and none after one that failed', async () => {
    const pool = await connect()
    await pool.query('create table steps (n int primary key)')
    const insert = (n: number) => [`insert into steps values ($1)`, [n]] as const

    const counts = await transaction(pool, async (sql) => {
      const count = async () => (await sql.query<{ n: number }>('select count(*) as n from steps')).rows[0]!.n
      return Promise.all([count(), sql.query(...insert(1)), count(), sql.query(...insert(2)), count()])
    })
    const failed = transaction(pool, (sql) =>
      Promise.all([sql.query(...insert(3)), sql.query(...insert(1)), sql.query(...insert(4))]),
    )
    await assert.rejects(failed, { code: 'STORAGE_FAILED', message: /duplicate key/ })
    const abandoned = transaction(pool, async (sql) => {
      const asked = sql.query(...insert(5))
      asked.catch(() => {})
      throw new Fault('OWN', 'does not wait for what it asked')
    })
    await assert.rejects(abandoned, { code: 'OWN' })

    assert.deepEqual([counts[0], counts[2], counts[4]], [0, 1, 2])
    assert.deepEqual((await pool.query('select n from steps order by n')).rows, [{ n: 1 }, { n: 2 }])
    await pool.query('drop table steps')
  })

  test('many transactions at once neither mix nor leave a connection behind', async () => {
    const pool = await connect()
    await pool.query('create table sums (n int)')
    await pool.query('insert into sums values (0)')

    await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        transaction(pool, async (sql) => {
          await sql.query('update sums set n = n + 1')
          if (i % 3 === 0) throw new Fault('OWN', 'every third changes its mind')
        }).catch(() => {}),
      ),
    )

    assert.deepEqual((await pool.query('select n from sums')).rows, [{ n: 20 }])
    await pool.query('drop table sums')
  })
})

describe('a pool whose server goes away', () => {
  const begin = async (context: TestContext) => {
    const server = await startFakeServer()
    const lost: Fault[] = []
    const pool = createPool(server.connection, (fault) => lost.push(fault))
    context.after(async () => {
      await pool.close()
      await server.close()
    })
    return { server, pool, lost }
  }
  const unavailable = { name: 'Fault', code: 'STORAGE_UNAVAILABLE', retry: true }

  test('fails the statement that waits for an answer, and connects again for the next', async (context) => {
    const { server, pool } = await begin(context)

    await assert.rejects(pool.query('die'), unavailable)
    await pool.query('again')

    assert.deepEqual(server.statements, ['die', 'again'])
  })

  test('fails a transaction whatever it is doing, without ending the process, and runs the next one', async (context) => {
    const { server, pool } = await begin(context)
    const asleep = transaction(pool, async (sql) => {
      server.cutAll()
      // The cut is noticed here, while no statement waits.
      await new Promise((done) => setImmediate(() => setImmediate(done)))
      await sql.query('update')
    })

    await assert.rejects(asleep, unavailable)
    await assert.rejects(
      transaction(pool, (sql) => sql.query('die')),
      unavailable,
    )
    const result = await transaction(pool, async () => 'fine')

    assert.equal(result, 'fine')
    assert.deepEqual(server.statements.slice(-2), ['begin', 'commit'])
  })

  test('hears of a connection that is lost while nobody uses it', async (context) => {
    const { server, pool, lost } = await begin(context)
    await pool.query('once')

    server.cutAll()
    while (lost.length === 0) await new Promise(setImmediate)
    await pool.query('again')

    assert.deepEqual(
      lost.map(({ code }) => code),
      ['STORAGE_UNAVAILABLE'],
    )
  })

  test('says that it is unavailable where nothing listens', async () => {
    const server = await startFakeServer()
    await server.close()
    const pool = createPool(server.connection, assert.fail)

    await assert.rejects(pool.query('select 1'), unavailable)
    await assert.rejects(pool.checkout(), unavailable)
    await assert.rejects(
      transaction(pool, async () => 'never'),
      unavailable,
    )

    await pool.close()
    await assert.rejects(pool.query('select 1'), unavailable)
  })
})
