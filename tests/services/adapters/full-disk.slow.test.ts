import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { Fault } from '../../../models/spec/fault.ts'
import { ingest } from '../../../pipelines/ingest/ingest.ts'
import { createFileBlobStore } from '../../../services/adapters/blobs/files.ts'
import { createVersionFolder } from '../../../services/adapters/blobs/version-folder.ts'
import { startEmbeddedPostgres } from '../../../services/adapters/embedded/start.ts'
import { createIngestStore } from '../../../services/adapters/postgres/ingest-store.ts'
import { migrate } from '../../../services/adapters/postgres/migrate.ts'
import { createPool, type Pool } from '../../../services/adapters/postgres/pool.ts'
import { record } from '../../contracts/sent.ts'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'

const [megabyte, kilobyte] = [2 ** 20, 2 ** 10]
const mounted = mountSmallDisk(160)
const skip = typeof mounted === 'string' ? mounted : false

describe('a disk that is full', { skip }, () => {
  const disk = mounted as SmallDisk
  after(() => disk.remove())
  const stopped: Fault[] = []
  const open = async () => {
    const database = await startEmbeddedPostgres({
      dataFolder: join(disk.folder, 'data'),
      onStopped: (fault) => stopped.push(fault),
    })
    const pool = createPool(database.connection, () => {})
    await migrate(pool)
    const close = async () => {
      await pool.close()
      await database.close()
    }
    return { pool, close }
  }
  let sent = 0
  const acknowledged = new Set<string>()
  /** Sends 100 events of 4 kB each, and remembers those that were accepted. */
  const sendSome = async (pool: Pool): Promise<void> => {
    const events = Array.from({ length: 100 }, () => ({
      ...{ type: 'item', eventId: `e${sent++}`, occurredAt: '2024-01-01T00:00:00Z', itemId: 'i' },
      features: { text: randomBytes(2_000).toString('hex') },
    }))
    const context = { store: createIngestStore(pool), rankers: ['r'], source: 'rest', nowMs: Date.now }
    for (const { eventId, outcome } of await ingest(events.map(record), context)) {
      if (outcome === 'accepted') acknowledged.add(eventId!)
    }
  }
  const sendUntilFull = async (pool: Pool): Promise<Fault> => {
    for (let batch = 0; batch < 100; batch++) {
      try {
        await sendSome(pool)
      } catch (error) {
        assert.ok(error instanceof Fault)
        return error
      }
    }
    return assert.fail('the disk was never full')
  }
  const stored = async (pool: Pool) => {
    const { rows } = await pool.query<{ id: string }>('select event_id as id from events')
    return new Set(rows.map(({ id }) => id))
  }

  test('refuses events with DISK_FULL, keeps all that it acknowledged, and takes more once there is space', async () => {
    const { pool, close } = await open()
    disk.fillUpTo(2 * megabyte)

    const faults = [await sendUntilFull(pool), await sendUntilFull(pool)]
    const whenFull = await stored(pool)
    disk.makeSpace()
    const acknowledgedWhenFull = new Set(acknowledged)
    await sendSome(pool)

    assert.deepEqual(
      faults.map(({ code, retry, status }) => [code, retry, status]),
      Array(2).fill(['DISK_FULL', true, 507]),
    )
    assert.ok(acknowledgedWhenFull.size > 0)
    assert.deepEqual(whenFull, acknowledgedWhenFull)
    assert.deepEqual(await stored(pool), acknowledged)
    await close()
    assert.deepEqual(stopped, [])
  })

  test('ends the database where its log cannot grow, which says so; the next start has all that was acknowledged', async () => {
    const { pool, close } = await open()
    await sendSome(pool)
    disk.fillUpTo(300 * kilobyte)
    const fillLog = async () => {
      for (;;) await pool.query(`select pg_logical_emit_message(false, 'filler', repeat('x', 1000000))`)
    }

    await assert.rejects(fillLog(), { code: 'DISK_FULL' })
    while (stopped.length === 0) await new Promise(setImmediate)
    await assert.rejects(pool.query('select 1'), { code: 'STORAGE_UNAVAILABLE' })
    await close()
    await assert.rejects(open(), { code: 'DISK_FULL', message: /MB are free/ })
    disk.makeSpace()
    const again = await open()

    assert.deepEqual(
      stopped.map(({ code }) => code),
      ['EMBEDDED_POSTGRES_STOPPED'],
    )
    assert.match(stopped[0]!.message, /No space left.*Make space on its disk, then restart/)
    assert.deepEqual(await stored(again.pool), acknowledged)
    await sendSome(again.pool)
    assert.deepEqual(await stored(again.pool), acknowledged)
    await again.close()
  })

  test("refuses a version's files and blobs with DISK_FULL, leaves no half, and takes them once there is space", async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'polyrank-'))
    const [file, bytes] = [join(elsewhere, 'file'), randomBytes(megabyte)]
    writeFileSync(file, bytes)
    const folder = join(disk.folder, 'blobs')
    const blobs = createFileBlobStore(folder)
    const version = await createVersionFolder(join(disk.folder, 'version'))
    const { sha256 } = await createFileBlobStore(join(elsewhere, 'store')).put(file)
    disk.fillUpTo(300 * kilobyte)

    await assert.rejects(blobs.put(file), { code: 'DISK_FULL' })
    await assert.rejects(version.write('weights', [bytes]), { code: 'DISK_FULL' })
    const left = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    await assert.rejects(blobs.fetch(sha256, join(elsewhere, 'fetched')), { code: 'BLOB_MISSING' })
    disk.makeSpace()
    await version.write('weights', [bytes])
    await blobs.put(file)
    await blobs.fetch(sha256, join(elsewhere, 'fetched'))

    assert.deepEqual(left, [])
    assert.deepEqual(readFileSync(join(elsewhere, 'fetched')), bytes)
    assert.deepEqual(readFileSync(join(disk.folder, 'version', 'weights')), bytes)
    rmSync(elsewhere, { recursive: true })
  })
})
