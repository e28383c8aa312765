import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { createIngestStore } from '../../../../services/adapters/postgres/ingest-store.ts'
import { migrate } from '../../../../services/adapters/postgres/migrate.ts'
import { createPool, type Pool, transaction } from '../../../../services/adapters/postgres/pool.ts'
import { createPositionStore } from '../../../../services/adapters/postgres/positions.ts'
import { itemEvent, startMs } from '../../../contracts/sent.ts'

const dayMs = 86_400_000
const schema = `test_${randomUUID().replaceAll('-', '')}`
// Nothing here waits on another for longer: what does is a deadlock that PostgreSQL cannot see.
const connection = { connectionString: process.env.TEST_DATABASE_URL!, options: `-c search_path=${schema}` }
const pools: Pool[] = []
/** A process with its own memory of what is there. */
function openProcess(): Pool {
  const pool = createPool({ ...connection, max: 3, statement_timeout: 20_000 }, assert.fail)
  pools.push(pool)
  return pool
}
const one = openProcess()
const ready = one.query(`create schema ${schema}`).then(() => migrate(one))
after(async () => {
  await one.query(`drop schema ${schema} cascade`)
  for (const pool of pools) await pool.close()
})

const count = async (text: string): Promise<number> => {
  const { rows } = await one.query<{ count: number }>(`select count(*) as count from ${text}`)
  return rows[0]!.count
}
const partitions = (dayAtMs: number) => {
  const name = `event_bodies_${new Date(dayAtMs).toISOString().slice(0, 10).replaceAll('-', '')}`
  return count(`pg_inherits where inhrelid = to_regclass('${name}')`)
}

test('eight processes that meet a new source and a new day at once, with the same ids in opposite orders, accept each id once', async () => {
  await ready
  const ids = Array.from({ length: 400 }, (_, i) => `shared-${i}`)
  const stores = Array.from({ length: 8 }, () => createIngestStore(openProcess()))
  const accepted: string[] = []

  // Each round is another day and another source, so that every writer comes upon both.
  for (let round = 0; round < 5; round++) {
    const receivedAtMs = startMs + round * 2 * dayMs
    const events = ids.map((id) => itemEvent(`${round}-${id}`))
    const answers = await Promise.all(
      stores.map((store, writer) => {
        const sent = writer % 2 === 0 ? events : events.toReversed()
        return store.transaction(async (transaction) => {
          const outcomes = await transaction.accept(sent, `round-${round}`, receivedAtMs)
          await transaction.advance(`round-${round}`, writer)
          return sent.filter((_, i) => outcomes[i] === 'accepted').map(({ event }) => event.eventId)
        })
      }),
    )
    accepted.push(...answers.flat())
    assert.deepEqual([await partitions(receivedAtMs), await partitions(receivedAtMs + dayMs)], [1, 1])
  }

  assert.equal(accepted.length, new Set(accepted).size)
  assert.equal(accepted.length, 5 * ids.length)
  for (const table of ['events', 'event_bodies', 'pending']) assert.equal(await count(table), 5 * ids.length, table)
})

test('consumers of one partition, a replay and imports at once: every one ends, and one of the consumers has the records', async () => {
  await ready
  const stores = Array.from({ length: 6 }, () => createIngestStore(openProcess()))
  const group = 'g'
  await createPositionStore(one).begin(group, 'kafka', [{ topic: 't', partition: 0, nextOffset: 0, watermarkMs: 0 }])
  const letter = { eventId: 'l', payload: new Uint8Array([1]), code: 'C', path: '', message: 'm' }
  const origin = { topic: 't', partition: 0, offset: 7 }
  await stores[0]!.transaction((transaction) => transaction.quarantine([{ ...letter, origin }], 'kafka', startMs))
  const [{ id }] = (await one.query<{ id: number }>('select id from dead_letters')).rows as [{ id: number }]
  const receivedAtMs = startMs + 100 * dayMs
  const events = Array.from({ length: 200 }, (_, i) => itemEvent(`mixed-${i}`))
  const consume = (store: (typeof stores)[number], sent: typeof events) =>
    store.transaction(async (transaction) => {
      const claim = { group, topic: 't', partition: 0, fromOffset: 0, nextOffset: 8, watermarkMs: 5 }
      await transaction.claim(claim)
      await transaction.accept(sent, 'kafka', receivedAtMs)
      await transaction.quarantine([{ ...letter, origin }], 'kafka', receivedAtMs)
    })
  const replay = (store: (typeof stores)[number]) =>
    store.transaction(async (transaction) => {
      await transaction.holdLetter(id)
      await transaction.accept(events.slice(50, 60), 'kafka', receivedAtMs)
      await transaction.keepLetter(id, letter)
    })
  const bring = (store: (typeof stores)[number], source: string) =>
    store.transaction(async (transaction) => {
      await transaction.accept(events.toReversed(), source, receivedAtMs)
      await transaction.advance(source, 9)
    })

  const ends = await Promise.allSettled([
    consume(stores[0]!, events),
    consume(stores[1]!, events.toReversed()),
    replay(stores[2]!),
    replay(stores[3]!),
    bring(stores[4]!, 'import'),
    bring(stores[5]!, 'import'),
  ])

  const faults = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason.code] : []))
  assert.deepEqual(faults, ['POSITION_MOVED'])
  assert.equal(await count(`events where event_id like 'mixed-%'`), events.length)
  assert.equal(await count('dead_letters'), 1)
})

test('a new day begins while somebody reads the bodies for long', async () => {
  await ready
  const store = createIngestStore(openProcess())
  const receivedAtMs = startMs + 200 * dayMs

  const answers = await transaction(openProcess(), async (reader) => {
    await reader.query('select count(*) from event_bodies')
    return store.transaction((transaction) => transaction.accept([itemEvent('meanwhile')], 'rest', receivedAtMs))
  })

  assert.deepEqual(answers, ['accepted'])
  assert.equal(await partitions(receivedAtMs), 1)
})
