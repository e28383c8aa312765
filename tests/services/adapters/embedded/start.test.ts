import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { Fault } from '../../../../models/spec/fault.ts'
import { findEmbeddedPostgres, startEmbeddedPostgres } from '../../../../services/adapters/embedded/start.ts'
import { createPool, transaction } from '../../../../services/adapters/postgres/pool.ts'

const root = mkdtempSync(join(tmpdir(), 'polyrank-'))
after(() => rmSync(root, { recursive: true }))
const fail = (fault: Error) => {
  throw fault
}
const start = (dataFolder: string, silentMs?: number) =>
  startEmbeddedPostgres({ dataFolder, onStopped: fail, ...(silentMs === undefined ? {} : { silentMs }) })

test('another process finds the database where it listens, and rows outlive its end', async () => {
  const dataFolder = join(root, 'kept')
  const first = await start(dataFolder)
  const found = createPool(findEmbeddedPostgres(dataFolder), fail)
  await found.query('create table kept (mark text)')
  await found.query("insert into kept values ('here')")
  await assert.rejects(start(dataFolder), { code: 'DATA_FOLDER_IN_USE' })
  await found.close()
  await first.close()
  assert.throws(() => findEmbeddedPostgres(dataFolder), { code: 'EMBEDDED_POSTGRES_NOT_RUNNING' })

  const second = await start(dataFolder)
  const pool = createPool(second.connection, fail)

  assert.deepEqual((await pool.query('select mark from kept')).rows, [{ mark: 'here' }])
  await pool.close()
  await second.close()
})

test('a folder whose path is too long for a socket is served on a port of this machine', async () => {
  const dataFolder = join(root, 'long'.repeat(30))
  const database = await start(dataFolder)
  const pool = createPool(database.connection, fail)

  const { rows } = await pool.query('select 1 as one')

  assert.deepEqual(rows, [{ one: 1 }])
  assert.deepEqual([database.connection.host, findEmbeddedPostgres(dataFolder)], ['127.0.0.1', database.connection])
  await pool.close()
  await database.close()
})

test('a connection that falls silent in a transaction is ended with it, and the others go on', async () => {
  const database = await start(join(root, 'silent'), 300)
  const ended: Fault[] = []
  const pool = createPool(database.connection, (fault) => ended.push(fault))
  await pool.query('create table marks (mark text)')
  const [begun, silence] = [gate(), gate()]
  const silent = transaction(pool, async (sql) => {
    await sql.query("insert into marks values ('never')")
    begun.open()
    await silence.opened
    await sql.query('select 1')
  })
  await begun.opened

  const marks = await patiently(() => pool.query('select mark from marks'))
  silence.open()

  await assert.rejects(silent, { code: 'STORAGE_UNAVAILABLE' })
  assert.deepEqual(marks.rows, [])
  await pool.close()
  await database.close()
})

function gate() {
  let open = () => {}
  const opened = new Promise<void>((done) => {
    open = done
  })
  return { opened, open }
}

/** Who waits for the silent one may seem silent too, and tries again. */
async function patiently<Result>(ask: () => Promise<Result>): Promise<Result> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const answer = await ask().catch(() => null)
    if (answer !== null) return answer
  }
  return ask()
}

describe('a database that cannot start', () => {
  test('says that its folder cannot be written', async () => {
    const file = join(root, 'a-file')
    writeFileSync(file, '')

    await assert.rejects(start(join(file, 'data')), { code: 'DATA_FOLDER_UNWRITABLE', path: join(file, 'data') })
  })

  test('says so, and gives its folder back', async () => {
    const dataFolder = join(root, 'broken')
    mkdirSync(dataFolder)
    writeFileSync(join(dataFolder, 'postgres'), 'not a folder')

    const starting = start(dataFolder)

    await assert.rejects(starting, { code: 'EMBEDDED_POSTGRES_FAILED', path: join(dataFolder, 'postgres') })
    assert.deepEqual(readdirSync(dataFolder), ['postgres'])
    assert.equal(readFileSync(join(dataFolder, 'postgres'), 'utf8'), 'not a folder')
  })
})

describe('looking for a database', () => {
  test('says what to do where none runs', () => {
    const dataFolder = join(root, 'nowhere')

    const looking = () => findEmbeddedPostgres(dataFolder)

    assert.throws(looking, { code: 'EMBEDDED_POSTGRES_NOT_RUNNING', retry: true, message: /polyrank start/ })
    assert.ok(!existsSync(dataFolder))
  })

  test('says the same where what it finds cannot be read', () => {
    const dataFolder = join(root, 'unreadable')
    mkdirSync(dataFolder)
    writeFileSync(join(dataFolder, 'connection.json'), '{"host":')

    const looking = () => findEmbeddedPostgres(dataFolder)

    assert.throws(looking, { code: 'EMBEDDED_POSTGRES_NOT_RUNNING', path: join(dataFolder, 'connection.json') })
  })

  test('finds one that was killed, and a query then says that it does not answer', async () => {
    const dataFolder = join(root, 'killed')
    mkdirSync(dataFolder)
    writeFileSync(join(dataFolder, 'connection.json'), JSON.stringify({ host: dataFolder, port: 5432 }))
    const pool = createPool(findEmbeddedPostgres(dataFolder), fail)

    const asking = pool.query('select 1')

    await assert.rejects(asking, { code: 'STORAGE_UNAVAILABLE', retry: true })
    await pool.close()
  })
})
