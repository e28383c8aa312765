import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { Fault } from '../../../../models/spec/fault.ts'
import { ingest } from '../../../../pipelines/ingest/ingest.ts'
import { createIngestStore } from '../../../../services/adapters/postgres/ingest-store.ts'
import { migrate } from '../../../../services/adapters/postgres/migrate.ts'
import { createPool } from '../../../../services/adapters/postgres/pool.ts'
import { record } from '../../../contracts/sent.ts'
import { startPostgres } from '../../../servers/postgres.ts'
import { makeServersFolder } from '../../../servers/server.ts'
import { mountSmallDisk, type SmallDisk } from '../small-disk.ts'

const mounted = mountSmallDisk(64)

describe('PostgreSQL on a disk that is full', { skip: typeof mounted === 'string' ? mounted : false }, () => {
  const disk = mounted as SmallDisk
  const folder = makeServersFolder()
  after(() => {
    disk.remove()
    rmSync(folder, { recursive: true })
  })

  test('refuses events with DISK_FULL, keeps all that it acknowledged, and takes more once there is space', async (context) => {
    const server = await startPostgres(join(folder, 'postgres'))
    // Only the tables are on the small disk: where its log cannot grow, PostgreSQL ends.
    const tables = join(disk.folder, 'tables')
    mkdirSync(tables)
    for (const each of [disk.folder, tables]) chmodSync(each, 0o777)
    const owner = createPool({ connectionString: server.url, max: 1 }, assert.fail)
    // Who may mount is root, whose folder PostgreSQL takes as a tablespace only as its own.
    await owner.query(`copy (select) to program 'mkdir -m 700 ${tables}/own'`)
    await owner.query(`create tablespace small location '${tables}/own'`)
    await owner.close()
    const options = '-c default_tablespace=small'
    const pool = createPool({ connectionString: server.url, options }, assert.fail)
    context.after(async () => {
      await pool.close()
      await server.kill()
    })
    await migrate(pool)
    const ingestion = { store: createIngestStore(pool), rankers: ['r'], source: 'rest', nowMs: Date.now }
    const acknowledged = new Set<string>()
    let sent = 0
    /** Sends 100 events of 4 kB that cannot be pressed smaller. */
    const sendSome = async () => {
      const events = Array.from({ length: 100 }, () => ({
        ...{ type: 'item', eventId: `e${sent++}`, occurredAt: '2024-01-01T00:00:00Z', itemId: 'i' },
        features: { text: randomBytes(2_000).toString('hex') },
      }))
      for (const { eventId, outcome } of await ingest(events.map(record), ingestion)) {
        if (outcome === 'accepted') acknowledged.add(eventId!)
      }
    }
    const stored = async () => {
      const { rows } = await pool.query<{ id: string }>('select event_id as id from events')
      return new Set(rows.map(({ id }) => id))
    }
    disk.fillUpTo(4 * 2 ** 20)

    let fault: unknown
    while (fault === undefined) {
      fault = await sendSome().then(
        () => undefined,
        (error) => error,
      )
    }
    const [whenFull, acknowledgedWhenFull] = [await stored(), new Set(acknowledged)]
    disk.makeSpace()
    await sendSome()

    assert.ok(fault instanceof Fault)
    assert.deepEqual([fault.code, fault.retry, fault.status], ['DISK_FULL', true, 507])
    assert.ok(acknowledgedWhenFull.size > 0)
    assert.deepEqual(whenFull, acknowledgedWhenFull)
    assert.deepEqual(await stored(), acknowledged)
  })
})
