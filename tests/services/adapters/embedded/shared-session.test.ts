import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { PGlite } from '@electric-sql/pglite'
import { createRandom } from '../../../../models/engine/random.ts'
import { shareSession } from '../../../../services/adapters/embedded/shared-session.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../../services/adapters/embedded/start.ts'
import { createPool, type Pool } from '../../../../services/adapters/postgres/pool.ts'
import { type Connection, connect, isReady } from './connection.ts'
import { bind, dataRow, errorResponse, execute, firstColumn, parse, query, readyForQuery, sync } from './wire.ts'

describe('connections to one embedded database', () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'polyrank-'))
  let database: EmbeddedPostgres
  let pool: Pool
  const fail = (fault: Error) => {
    throw fault
  }
  before(async () => {
    database = await startEmbeddedPostgres({ dataFolder, onStopped: fail })
    pool = createPool({ ...database.connection, max: 8 }, fail)
    await pool.query('create table marks (mark text)')
  })
  after(async () => {
    await pool.close()
    await database.close()
    rmSync(dataFolder, { recursive: true })
  })
  const open = () => connect(database.connection)
  const marks = async () => (await pool.query<{ count: number }>('select count(*) as count from marks')).rows[0]!.count

  test("a statement that was parsed is not overwritten by another connection's before it runs", async () => {
    const [first, second] = [await open(), await open()]
    first.send(parse("select 'first'"))
    await first.received((bytes) => bytes.length > 0)
    second.send(parse("select 'second'"), bind, execute, sync)

    first.send(bind, execute, sync)
    const answers = [await first.received(isReady(1)), await second.received(isReady(1))]

    assert.deepEqual(answers.map(firstColumn), [['first'], ['second']])
    await Promise.all([first.destroy(), second.destroy()])
  })

  test('pipelines of many connections, cut anywhere and sent at once, never mix', async () => {
    const random = createRandom(4)
    const connections = await Promise.all(Array.from({ length: 6 }, open))
    const rounds = 40
    const run = async (connection: Connection, name: number): Promise<string[]> => {
      for (let round = 0; round < rounds; round++) {
        const stream = Buffer.concat([parse(`select '${name}.${round}'`), bind, execute, sync])
        const cut = Math.floor(random.uniform() * stream.length)
        connection.send(stream.subarray(0, cut))
        const inBetween = pool.query('select 1')
        await new Promise(setImmediate)
        connection.send(stream.subarray(cut))
        await Promise.all([inBetween, connection.received(isReady(round + 1))])
      }
      return firstColumn(await connection.received(isReady(rounds)))
    }

    const answers = await Promise.all(connections.map(run))

    const expected = connections.map((_, name) => Array.from({ length: rounds }, (_, round) => `${name}.${round}`))
    assert.deepEqual(answers, expected)
    await Promise.all(connections.map((connection) => connection.destroy()))
  })

  test('a statement that fails spoils its own pipeline only', async () => {
    const [failing, other] = [await open(), await open()]
    failing.send(parse('select 1/0'), bind, execute)
    other.send(parse("select 'other'"), bind, execute, sync)

    failing.send(sync, query("select 'again'"))
    const answers = [await failing.received(isReady(2)), await other.received(isReady(1))]

    assert.deepEqual(answers.map(firstColumn), [['again'], ['other']])
    await Promise.all([failing.destroy(), other.destroy()])
  })

  const endings: readonly [string, readonly Buffer[]][] = [
    ['in a transaction', [query('begin'), query("insert into marks values ('begun')")]],
    ['in a transaction that has failed', [query('begin'), query('select 1/0')]],
    ['in the middle of a pipeline', [parse("insert into marks values ('piped')"), bind, execute]],
    ['in a pipeline within a transaction', [query('begin'), parse("insert into marks values ('both')"), bind, execute]],
    ['in a pipeline that has failed', [parse('select 1/0'), bind, execute]],
  ]
  for (const [where, messages] of endings) {
    test(`a connection that ends ${where} leaves nothing, and nobody waits for it`, async () => {
      const ending = await open()
      ending.send(...messages)
      await ending.received((bytes) => bytes.length > 0)

      await ending.destroy()

      assert.equal(await marks(), 0)
      assert.deepEqual((await pool.query('select 1 as one')).rows, [{ one: 1 }])
    })
  }

  test('connections that end at any moment leave nothing, and nobody waits for them', async () => {
    const random = createRandom(8)
    const endOne = async () => {
      const [, messages] = endings[Math.floor(random.uniform() * endings.length)]!
      const connection = await open()
      const stream = Buffer.concat(messages)
      connection.send(stream.subarray(0, Math.floor(random.uniform() * (stream.length + 1))))
      if (random.uniform() < 0.5) await new Promise(setImmediate)
      await connection.destroy()
    }
    for (let round = 0; round < 25; round++) {
      const counts = Promise.all([marks(), marks(), marks()])
      await Promise.all(Array.from({ length: 6 }, endOne))

      assert.deepEqual(await counts, [0, 0, 0])
    }
    assert.equal(await marks(), 0)
  })
})

describe('a database that fails', () => {
  /** PGlite, as far as one message goes. */
  const answering = (answer: readonly Buffer[] | Error) => {
    const database = {
      waitReady: Promise.resolve(),
      isInTransaction: () => false,
      async execProtocolRawStream(_: Uint8Array, { onRawData }: { onRawData: (data: Uint8Array) => void }) {
        if (answer instanceof Error) throw answer
        for (const piece of answer) onRawData(piece)
      },
    }
    return database as unknown as PGlite
  }
  const ask = async (answer: readonly Buffer[] | Error) => {
    const broken: unknown[] = []
    const passed: Uint8Array[] = []
    const session = shareSession(answering(answer), (error) => broken.push(error))
    const asking = session.execProtocolRawStream(query('select 1'), { onRawData: (data) => void passed.push(data) })
    const error: unknown = await asking.then(
      () => null,
      (thrown: unknown) => thrown,
    )
    return { broken, passed: Buffer.concat(passed), error }
  }

  for (const severity of ['FATAL', 'PANIC']) {
    test(`an error of severity ${severity} is passed on, and told as the end of the database`, async () => {
      const answer = [dataRow('1'), errorResponse(severity, '53100', 'No space left')]

      const { broken, passed } = await ask(answer)

      assert.deepEqual(passed, Buffer.concat(answer))
      assert.equal(broken.length, 1)
      assert.deepEqual(
        { ...(broken[0] as Error), message: (broken[0] as Error).message },
        {
          code: '53100',
          message: 'No space left',
        },
      )
    })
  }

  test('an error of a statement is passed on, and is the end of nothing', async () => {
    const answer = [errorResponse('ERROR', '53100', 'could not extend file'), readyForQuery]

    const { broken, passed, error } = await ask(answer)

    assert.deepEqual([broken, error], [[], null])
    assert.deepEqual(passed, Buffer.concat(answer))
  })

  test('what PGlite throws is the end of the database', async () => {
    const thrown = new Error('Program terminated with exit(1)')

    const { broken, error } = await ask(thrown)

    assert.deepEqual([broken, error], [[thrown], thrown])
  })
})
