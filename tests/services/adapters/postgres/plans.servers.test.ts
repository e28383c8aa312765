import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { drop, type IngestContext, ingest, replay } from '../../../../pipelines/ingest/ingest.ts'
import { join } from '../../../../pipelines/join/join.ts'
import { createDayPartitions } from '../../../../services/adapters/postgres/day-partitions.ts'
import { createDeadLetters, createEventLedger } from '../../../../services/adapters/postgres/event-ledger.ts'
import { createIngestStore } from '../../../../services/adapters/postgres/ingest-store.ts'
import { createJoinStore } from '../../../../services/adapters/postgres/join-store.ts'
import { createKnowledgeStore } from '../../../../services/adapters/postgres/knowledge.ts'
import { migrate } from '../../../../services/adapters/postgres/migrate.ts'
import { createPool, transaction } from '../../../../services/adapters/postgres/pool.ts'
import { createPositionStore } from '../../../../services/adapters/postgres/positions.ts'
import { everyFeature } from '../../../contracts/every-feature.ts'
import { record, startMs } from '../../../contracts/sent.ts'
import { explainedPool } from './explained-pool.ts'

const dayMs = 86_400_000
const days = 30
const nowMs = startMs + days * dayMs + 12 * 3_600_000
const schema = `test_${randomUUID().replaceAll('-', '')}`
const bare = createPool(
  { connectionString: process.env.TEST_DATABASE_URL!, options: `-c search_path=${schema}` },
  assert.fail,
)
const { pool, explained } = explainedPool(bare)

/** Days of a shop: 10,000 events a day, a fifth of them in lists of five, and an import that waits for its turn. */
const fill = `
  insert into sources (name, watermark_ms) values ('rest', 0), ('kafka', 0), ('import', 0);
  insert into events (event_id, digest, type, source, occurred_at_ms, received_at_ms)
    select 'e' || n, n, 'feedback', 'rest', ${startMs} + n * 8640::bigint, ${startMs} + n * 8640::bigint from generate_series(0, ${days} * 10000 - 1) n;
  insert into event_bodies
    select received_at_ms, event_id, jsonb_build_object('type', 'feedback', 'eventId', event_id, 'itemId', 'i1', 'userId', 'u1', 'kind', 'click') from events;
  insert into pending select 'import', n, 3, 'e' || n from generate_series(1, 50000) n;
  insert into slates select 's' || n, 'rest', 'every-feature', null, null, 'u' || n % 5000, ${startMs} + n * 43200::bigint, '{}', '{}', null, null, 0,
    '[{"itemId": "i1", "version": null, "tally": null, "userItemTally": null}]' from generate_series(1, 60000) n;
  insert into examples select 's' || n % 60000, 'i' || n / 60000, 'every-feature', n / 60000, ${startMs} + n % 60000 * 43200::bigint, '[]' from generate_series(1, 299999) n;
  insert into tallies select scope, n::text, '{"shown": 1, "feedback": {}}' from generate_series(1, 50000) n, unnest(array['user', 'item', 'user-item']) scope;
  insert into history select 'u' || n % 5000, n / 5000 + 1, 'i' || n % 900, n % 20000 + 1, 'click', ${startMs} + n from generate_series(0, 199999) n;
  insert into catalog_versions (kind, id, occurred_at_ms, features, deleted)
    select kind, left(kind, 1) || n % 5000, ${startMs} + n, '{}', false from generate_series(1, 20000) n, unnest(array['item', 'user']) kind;
  insert into orphans select 'never-' || n, 'e' || n from generate_series(1, 200000) n;
  insert into dead_letters (event_id, payload, code, path, message, source, received_at_ms)
    select 'bad-' || n, 'x', 'C' || n % 5, '', 'm', 'rest', n from generate_series(1, 50000) n;
  analyze`

before(async () => {
  await bare.query(`create schema ${schema}`)
  await migrate(bare)
  for (let day = 0; day < days; day++) {
    await createDayPartitions('event_bodies').during(({ ensure }) =>
      transaction(bare, (sql) => ensure(sql, startMs + day * dayMs)),
    )
  }
  await bare.query(fill)
})
after(async () => {
  await bare.query(`drop schema ${schema} cascade`)
  await bare.close()
})
beforeEach(() => {
  explained.length = 0
})

const large =
  /^(?:events|event_bodies.*|pending|slates|examples|tallies|history|catalog_versions|orphans|dead_letters)$/
/** Statements that read a large table from end to end, with the table. */
const wholeReads = () =>
  explained.flatMap(({ text, nodes }) => {
    const read = nodes.filter(({ type, relation }) => type.includes('Seq Scan') && large.test(relation ?? ''))
    return read.map(({ relation }) => `${relation}: ${text}`)
  })
/** For each statement that looked at bodies, in how many days. */
const daysRead = () =>
  explained.flatMap(({ nodes }) => {
    const days = nodes.filter(({ relation, loops }) => relation?.startsWith('event_bodies') && loops !== null)
    return days.length === 0 ? [] : [days.filter(({ loops }) => loops! > 0).length]
  })

const context: IngestContext = {
  store: createIngestStore(pool),
  rankers: ['every-feature'],
  source: 'rest',
  nowMs: () => nowMs,
}
const at = (n: number) => new Date(startMs + days * dayMs + n * 1_000).toISOString()
/** A batch as a day brings it: lists, what was seen of them, and feedback on these and on older ones. */
const batch = Array.from({ length: 400 }, (_, n) => [
  {
    ...{ type: 'slate', eventId: `slate-${n}`, occurredAt: at(n), slateId: `new-${n}`, userId: `u${n}` },
    items: [{ itemId: `i${n}` }, { itemId: `i${n + 1}` }],
  },
  { type: 'impression', eventId: `seen-${n}`, occurredAt: at(n + 1), slateId: `new-${n}`, itemIds: [`i${n}`] },
  {
    ...{
      type: 'feedback',
      eventId: `click-${n}`,
      occurredAt: at(n + 2),
      userId: `u${n}`,
      itemId: `i${n}`,
      kind: 'click',
    },
    slateId: n % 2 === 0 ? `new-${n}` : `s${n}`,
  },
  { type: 'item', eventId: `item-${n}`, occurredAt: at(n), itemId: `i${n}`, features: { price: n } },
]).flat()

test('taking a batch of events reads no large table from end to end, whether they are new or known', async () => {
  const position = { topic: 't', partition: 0, nextOffset: 0, watermarkMs: 0 }
  await createPositionStore(pool).begin('g', 'kafka', [position])
  const move = { group: 'g', topic: 't', partition: 0, latenessMs: 0 }
  const bad = { bytes: new Uint8Array([1]), path: '', origin: { topic: 't', partition: 0, offset: 1 } }

  const fresh = await ingest([...batch.map(record), bad], context, { ...move, fromOffset: 0, nextOffset: 9 })
  const known = await ingest(batch.map(record), context, { ...move, fromOffset: 9, nextOffset: 10 })
  await createPositionStore(pool).idle('g', [{ ...position, nextOffset: 10, watermarkMs: 5 }])
  await createPositionStore(pool).list('g')

  assert.equal(fresh.filter(({ outcome }) => outcome === 'accepted').length, batch.length)
  assert.ok(known.every(({ outcome }) => outcome === 'duplicate'))
  assert.deepEqual(wholeReads(), [])
})

test('joining a batch reads no large table from end to end, and bodies of the days on which its events came only', async () => {
  // As the release left them that had no bodies there.
  await pool.query(`update pending set body = null where event_id like '%1'`)
  explained.length = 0
  const joined = await join({
    store: createJoinStore(pool),
    rankers: [everyFeature],
    latenessMs: 0,
    nowMs: () => nowMs,
  })

  assert.equal(joined, batch.length)
  assert.ok(explained.length > 10)
  assert.deepEqual(wholeReads(), [])
  const read = daysRead()
  assert.ok(read.length > 0, 'some bodies were read')
  assert.ok(
    read.every((count) => count <= 1),
    String(read),
  )
})

test('knowing a user and two hundred candidates reads no large table from end to end', async () => {
  await createKnowledgeStore(pool).know({
    userId: 'u7',
    itemIds: Array.from({ length: 200 }, (_, n) => `i${n}`),
    historyFeedback: null,
    tallies: { user: true, item: true, userItem: true },
  })

  assert.ok(explained.length >= 3)
  assert.deepEqual(wholeReads(), [])
})

test('what became of an event, joined, pending, set aside or unknown, is found without reading from end to end', async () => {
  const ledger = createEventLedger(pool)

  for (const id of ['e5', 'e299999', 'click-3', 'slate-4', 'bad-5', 'nowhere']) await ledger.trail(id)

  assert.deepEqual(wholeReads(), [])
  const read = daysRead()
  assert.ok(read.some((count) => count === 1))
  assert.ok(
    read.every((count) => count <= 1),
    String(read),
  )
})

test('pages of events in the order of receipt read the bodies of the days around it only', async () => {
  const ledger = createEventLedger(pool)

  const last = await ledger.received(null, nowMs, 100)
  const next = await ledger.received({ receivedAtMs: startMs + 5 * dayMs, eventId: '' }, nowMs, 100)

  assert.deepEqual([last.length, next.length], [100, 100])
  assert.deepEqual(wholeReads(), [])
  const read = daysRead()
  assert.ok(
    read.every((count) => count <= 2),
    String(read),
  )
})

test('dead letters are listed, found, tried again and dropped without reading all of them', async () => {
  const letters = createDeadLetters(pool)

  const [newest] = await letters.list(null)
  await letters.list(newest!.id - 20_000)
  await letters.list(null, 'C3')
  await letters.find(newest!.id)
  await replay(newest!.id, null, context)
  await drop(newest!.id, context)

  assert.deepEqual(wholeReads(), [])
})
