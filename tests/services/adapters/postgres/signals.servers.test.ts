import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { createPool } from '../../../../services/adapters/postgres/pool.ts'
import { listenForSignals, type Signal, signal } from '../../../../services/adapters/postgres/signals.ts'
import { type PostgresServer, startPostgres } from '../../../servers/postgres.ts'
import { makeServersFolder } from '../../../servers/server.ts'
import { promised } from '../../ranker/fake-scoring.ts'

let server: PostgresServer
before(async () => {
  server = await startPostgres(join(makeServersFolder(), 'signals'))
})
after(() => server.stop())

const ignore = () => {}

test('what one process did is heard by others once it is committed, and again after the server was away', async () => {
  const pool = createPool({ connectionString: server.url, max: 2 }, ignore)
  const heard: Signal[] = []
  let waiting = promised()
  const lost = promised()
  const listener = listenForSignals(
    { connectionString: server.url },
    (kind) => {
      heard.push(kind)
      waiting.keep()
    },
    () => lost.keep(),
  )
  // Its connection may not stand yet, or not again: what is sent meanwhile is lost, as said.
  const tell = async (kind: Signal) => {
    waiting = promised()
    let isHeard = false
    const hearing = waiting.promise.then(() => {
      isHeard = true
    })
    while (!isHeard) {
      await pool.query(`select ${signal(kind)}`).catch(ignore)
      await Promise.race([hearing, new Promise((resolve) => setTimeout(resolve, 20))])
    }
  }

  await tell('job')
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  await client.query(`begin; select ${signal('activation')}; rollback`)
  await client.end()
  await server.kill()
  await lost.promise
  await server.start()
  await tell('events')

  assert.deepEqual([...new Set(heard)], ['job', 'events'])
  await listener.close()
  await pool.close()
})
