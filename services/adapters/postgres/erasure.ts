import { clockOf, liveClock } from '../../../pipelines/join/clocks.ts'
import type { Erased, Erasure, ErasureStore } from '../../../pipelines/retention/ports.ts'
import { eraseLetters, lettersOf } from './erased-letters.ts'
import { userHash } from './ingest-store.ts'
import { besideJoin } from './join-lock.ts'
import { type Pool, type Sql, transaction } from './pool.ts'
import { batchRows, inBatches } from './sweep.ts'
import { type FoundEvent, findBodies } from './user-events.ts'
import { pageRanges } from './walk.ts'

/**
 * Events are found by what they say, which costs a look at all that is kept of it, a piece at a time. What is gone by
 * retention cannot be found any more: an id that a sender gave to an event stays in the ledger until that lets go of it, and
 * names nobody. What items and everybody were counted to stays: no person is in a sum.
 *
 * Deleted rows stay on the disk, unreadable by any query, until their pages are written again: `vacuum full` of the tables
 * does that at once, and keeps everybody out meanwhile. The write-ahead log, and copies of it, hold them until it is used
 * again; and the planner's samples of a table that has no rows left, until it has some.
 */
export const createErasureStore = (pool: Pool): ErasureStore => ({
  async find(userId) {
    const events = await findBodies(pool, `body->>'userId' = $1`, userId)
    const slates = await slatesOf(pool, userId, events)
    const shown = await impressionsOf(pool, slates.all)
    const letters = await lettersOf(pool, userId)
    const counts = await countOf(pool, userId, slates.joined)
    const tables = [rows('events', events.length + shown.length), ...counts, rows('dead_letters', letters.length)]
    return { tables, versions: await learntBy(pool, slates.joined), runningJobs: await runningJobs(pool) }
  },
  async erase(userId, nowMs) {
    const beganMs = nowMs()
    const cutOffMs = await note(pool, userId, beganMs)
    // Before slates are looked for: what is to be joined yet would bring them back.
    const events = await findBodies(pool, `body->>'userId' = $1`, userId)
    await deleteEvents(pool, events)
    const slates = await slatesOf(pool, userId, events)
    const shown = await impressionsOf(pool, slates.all)
    await deleteEvents(pool, shown)
    const marked = cutOffMs === null ? [] : await markedSince(pool, cutOffMs)
    await markVersions(pool, [...marked, ...(await learntBy(pool, slates.joined))], beganMs)
    const joined = await deleteJoined(pool, userId, slates.joined)
    const letters = await lettersOf(pool, userId)
    await eraseLetters(pool, letters, beganMs)
    await forgetSamples(pool)
    await pool.query('update erasures set ended_at_ms = $2 where user_hash = $1', [userHash(userId), nowMs()])
    const tables = [rows('events', events.length + shown.length), ...joined, rows('dead_letters', letters.length)]
    return { tables, versions: await markedSince(pool, beganMs), runningJobs: await runningJobs(pool) }
  },
})

const rows = (table: string, count: number): Erased => ({ table, rows: count })

/** The planner keeps samples of what was in tables. */
const sampled = ['events', 'event_bodies', 'pending', 'orphans', 'slates', 'examples', 'history', 'tallies']

async function forgetSamples(pool: Pool): Promise<void> {
  for (const table of [...sampled, 'catalog_versions', 'dead_letters']) await pool.query(`analyze ${table}`)
}

/**
 * From here on nothing that the user did until now is taken in, and everything that was being taken in is there. Returns when
 * an erasure of the user that did not come to its end began.
 */
async function note(pool: Pool, userId: string, nowMs: number): Promise<number | null> {
  const { rows: found } = await pool.query<{ beganMs: number }>(
    'select erased_at_ms as "beganMs" from erasures where user_hash = $1 and ended_at_ms is null',
    [userHash(userId)],
  )
  await pool.query(
    `insert into erasures (user_hash, erased_at_ms) values ($1, $2)
     on conflict (user_hash) do update set erased_at_ms = greatest(erasures.erased_at_ms, $2), ended_at_ms = null`,
    [userHash(userId), nowMs],
  )
  await transaction(pool, (sql) => sql.query('lock table events, dead_letters in share mode'))
  return found[0]?.beganMs ?? null
}

interface UserSlates {
  readonly joined: readonly string[]
  /** With those of events that are not joined yet. */
  readonly all: readonly string[]
}

async function slatesOf(pool: Pool, userId: string, events: readonly FoundEvent[]): Promise<UserSlates> {
  const joined: string[] = []
  for (const range of await pageRanges(pool, 'slates')) {
    const { rows: found } = await pool.query<{ slateId: string }>(
      `select slate_id as "slateId" from slates where ctid >= $2::tid and ctid < $3::tid and user_id = $1`,
      [userId, ...range],
    )
    joined.push(...found.map(({ slateId }) => slateId))
  }
  const sent = events.flatMap(({ type, slateId }) => (type === 'slate' && slateId !== null ? [slateId] : []))
  // Of two slates with one id, the second is none.
  const { rows: others } = await pool.query<{ slateId: string }>(
    'select slate_id as "slateId" from slates where slate_id = any($1::text[]) and user_id <> $2',
    [sent, userId],
  )
  const all = new Set([...joined, ...sent])
  for (const { slateId } of others) all.delete(slateId)
  return { joined, all: [...all] }
}

/** Impressions name no user. */
async function impressionsOf(pool: Pool, slates: readonly string[]): Promise<readonly FoundEvent[]> {
  const found: FoundEvent[] = []
  for (const batch of inParts(slates))
    found.push(
      ...(await findBodies(pool, `body->>'type' = 'impression' and body->>'slateId' = any($1::text[])`, batch)),
    )
  return found
}

function inParts<Item>(all: readonly Item[], size = 1_000): Item[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))
}

async function deleteEvents(pool: Pool, events: readonly FoundEvent[]): Promise<void> {
  for (const batch of inParts(events)) {
    const ids = batch.map(({ eventId }) => eventId)
    const received = batch.map(({ receivedAtMs }) => receivedAtMs)
    await besideJoin(pool, async (sql) => {
      await sql.query(
        `delete from pending p using events e where e.event_id = any($1::text[])
           and p.source = e.source and p.occurred_at_ms = e.occurred_at_ms and p.event_id = e.event_id`,
        [ids],
      )
      await sql.query(
        `delete from orphans o using unnest($1::text[], $2::text[]) gone (slate_id, event_id)
         where o.slate_id = gone.slate_id and o.event_id = gone.event_id`,
        [batch.map(({ slateId }) => slateId), ids],
      )
      await sql.query(
        `delete from event_bodies b using unnest($1::bigint[], $2::text[]) gone (received_at_ms, event_id)
         where b.received_at_ms = gone.received_at_ms and b.event_id = gone.event_id`,
        [received, ids],
      )
      await sql.query('delete from events where event_id = any($1::text[])', [ids])
    })
  }
}

interface Rows {
  readonly table: string
  readonly condition: string
  readonly values: readonly unknown[]
}

/** What was joined of a user, and where it stands; examples before the slates that lead to them. */
async function joinedRows(sql: Sql, userId: string, slates: readonly string[]): Promise<readonly Rows[]> {
  const { rows: sources } = await sql.query<{ name: string }>('select name from sources')
  const clocks = [...new Set([liveClock, ...sources.map(({ name }) => clockOf(name))])]
  // Keys of both ids are a list in JSON, which begins with the user; "-" is what follows "," in order of bytes.
  const pair = JSON.stringify([userId]).slice(0, -1)
  return [
    { table: 'examples', condition: 'slate_id = any($1::text[])', values: [slates] },
    { table: 'slates', condition: 'slate_id = any($1::text[])', values: [slates] },
    { table: 'history', condition: 'user_id = $1', values: [userId] },
    {
      table: 'tallies',
      condition: `(scope = any($1::text[]) and key = $2) or (scope = any($3::text[]) and key >= $4 and key < $5)`,
      values: [
        clocks.map((clock) => `user${clock}`),
        userId,
        clocks.map((clock) => `user-item${clock}`),
        `${pair},`,
        `${pair}-`,
      ],
    },
    { table: 'catalog_versions', condition: `kind = 'user' and id = $1`, values: [userId] },
  ]
}

async function countOf(pool: Pool, userId: string, slates: readonly string[]): Promise<readonly Erased[]> {
  const counts: Erased[] = []
  for (const { table, condition, values } of await joinedRows(pool, userId, slates)) {
    const text = `select count(*) as rows from ${table} where ${condition}`
    counts.push(rows(table, (await pool.query<{ rows: number }>(text, values)).rows[0]!.rows))
  }
  return counts
}

async function deleteJoined(pool: Pool, userId: string, slates: readonly string[]): Promise<readonly Erased[]> {
  const gone: Erased[] = []
  for (const { table, condition, values } of await joinedRows(pool, userId, slates)) {
    const some = `select ctid from ${table} where ${condition} limit ${batchRows}`
    const count = await inBatches(() =>
      besideJoin(
        pool,
        async (sql) => (await sql.query(`delete from ${table} where ctid = any(array(${some}))`, values)).rowCount,
      ),
    )
    gone.push(rows(table, count))
  }
  return gone
}

type Versions = Erasure['versions']

/** And those that started from one that learnt. */
async function learntBy(pool: Pool, slates: readonly string[]): Promise<Versions> {
  const { rows: versions } = await pool.query<Versions[number] & { [column: string]: unknown }>(
    `with recursive learnt as (
       select version from model_versions v where exists (
         select from slates s where s.slate_id = any($1::text[]) and s.ranker = v.ranker
           and s.occurred_at_ms >= v.trained_from_ms and s.occurred_at_ms < v.trained_to_ms
           and exists (select from examples e where e.slate_id = s.slate_id)
       )
       union
       select v.version from model_versions v join learnt on v.started_from = learnt.version
     )
     select version, ranker from model_versions join learnt using (version) order by created_at_ms, version`,
    [slates],
  )
  return versions
}

async function markVersions(pool: Pool, versions: Versions, nowMs: number): Promise<void> {
  await pool.query(
    `update model_versions set learnt_erased_at_ms = greatest(learnt_erased_at_ms, $2) where version = any($1::text[])`,
    [versions.map(({ version }) => version), nowMs],
  )
}

/** With those that trainings made meanwhile. */
async function markedSince(pool: Pool, sinceMs: number): Promise<Versions> {
  const { rows: versions } = await pool.query<Versions[number] & { [column: string]: unknown }>(
    `select version, ranker from model_versions where learnt_erased_at_ms >= $1 order by created_at_ms, version`,
    [sinceMs],
  )
  return versions
}

async function runningJobs(pool: Pool): Promise<readonly string[]> {
  const { rows: jobs } = await pool.query<{ id: string }>(`select id from jobs where state = 'running' order by id`)
  return jobs.map(({ id }) => id)
}
