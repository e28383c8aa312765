import type { Expired, KeptTime, RetentionStore } from '../../../pipelines/retention/ports.ts'
import { gapsBetween } from '../../../pipelines/retention/retention.ts'
import { expireCatalog } from './catalog-retention.ts'
import { dayPartitions } from './day-partition-list.ts'
import { besideJoin } from './join-lock.ts'
import { createJoinStore } from './join-store.ts'
import { type Pool, transaction } from './pool.ts'
import { batchRows, expired, inBatches, oldestFrom, sweep } from './sweep.ts'

const isPending = `exists (select from pending p where p.source = t.source and p.occurred_at_ms = t.occurred_at_ms and p.event_id = t.event_id)`

export const createRetentionStore = (pool: Pool): RetentionStore => ({
  sources: createJoinStore(pool).sources,
  orphans: (beforeMs, isDryRun) => expireOrphans(pool, beforeMs, isDryRun),
  bodies: (beforeMs, isDryRun) => expireBodies(pool, beforeMs, isDryRun),
  async ledger(beforeMs, isDryRun) {
    const of = { table: 'events', moment: 'received_at_ms' }
    const rows = await sweep(pool, { ...of, condition: `not ${isPending}`, beforeMs }, isDryRun)
    return expired('events', rows, await oldestFrom(pool, of, beforeMs, await newestReceipt(pool)))
  },
  async deadLetters(beforeMs, isDryRun) {
    const of = { table: 'dead_letters', moment: 'received_at_ms', beforeMs }
    const ended = await sweep(pool, { ...of, condition: 'resolution is not null' }, isDryRun)
    const open = await sweep(pool, { ...of, condition: 'resolution is null' }, isDryRun)
    const { rows } = await pool.query<{ ended: number | null; open: number | null }>(
      `select min(received_at_ms) filter (where resolution is not null) as ended,
         min(received_at_ms) filter (where resolution is null) as open from dead_letters where received_at_ms >= $1`,
      [beforeMs],
    )
    return [expired('dead_letters, ended', ended, rows[0]!.ended), expired('dead_letters, open', open, rows[0]!.open)]
  },
  slates: (kept, isDryRun) => expireSlates(pool, kept, isDryRun),
  async history(kept, isDryRun) {
    const of = { table: 'history', moment: 'occurred_at_ms' }
    const condition = 'exists (select from history n where n.user_id = t.user_id and n.sequence > t.sequence)'
    let rows = 0
    for (const { fromMs, toMs } of gapsBetween(kept))
      rows += await sweep(pool, { ...of, condition, fromMs, beforeMs: toMs }, isDryRun)
    return expired('history', rows, await oldestKept(pool, of, kept))
  },
  catalog: (kept, isDryRun) => expireCatalog(pool, kept, isDryRun),
  joinBatches: (beforeMs, isDryRun) => expireJoinBatches(pool, beforeMs, isDryRun),
  async indexBodies(beforeMs) {
    for (const { name, endMs } of await dayPartitions(pool))
      if (endMs <= beforeMs)
        await pool.query(`create index if not exists ${name}_by_slate on ${name} ((body->>'slateId'))`)
  },
})

async function newestReceipt(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ newest: number | null }>('select max(received_at_ms) as newest from event_bodies')
  return rows[0]!.newest ?? 0
}

/** Of what clocks keep; the newest of it is the newest that was joined. */
async function oldestKept(pool: Pool, of: { table: string; moment: string }, kept: readonly KeptTime[]) {
  const { rows } = await pool.query<{ newest: number | null }>('select max(joined_to_ms) as newest from sources')
  return kept.length === 0
    ? null
    : oldestFrom(pool, of, Math.min(...kept.map(({ fromMs }) => fromMs)), rows[0]!.newest ?? 0)
}

async function expireOrphans(pool: Pool, beforeMs: number, isDryRun: boolean): Promise<Expired> {
  // One whose event is gone waits for nothing.
  const of = `from orphans o left join events e using (event_id) where coalesce(e.received_at_ms < $1, true)`
  const rows = isDryRun
    ? (await pool.query<{ rows: number }>(`select count(*) as rows ${of}`, [beforeMs])).rows[0]!.rows
    : await inBatches(() =>
        besideJoin(pool, async (sql) => {
          const one = `delete from orphans where ctid = any(array(select o.ctid ${of} limit ${batchRows}))`
          return (await sql.query(one, [beforeMs])).rowCount
        }),
      )
  const { rows: oldest } = await pool.query<{ oldest: number | null }>(
    'select min(received_at_ms) as oldest from orphans join events using (event_id) where received_at_ms >= $1',
    [beforeMs],
  )
  return expired('orphans', rows, oldest[0]!.oldest)
}

async function expireBodies(pool: Pool, beforeMs: number, isDryRun: boolean): Promise<Expired> {
  const heldDays: string[] = []
  let [rows, oldestMs] = [0, null as number | null]
  for (const { name, startMs, endMs } of await dayPartitions(pool)) {
    const isOld = endMs <= beforeMs
    if (isOld && !(await isNeeded(pool, startMs, endMs))) {
      const { rows: found } = await pool.query<{ rows: number }>(`select count(*) as rows from ${name}`)
      rows += found[0]!.rows
      if (!isDryRun) await dropPartition(pool, name)
      continue
    }
    if (isOld) heldDays.push(new Date(startMs).toISOString().slice(0, 10))
    const { rows: found } = await pool.query<{ oldest: number | null }>(
      `select min(received_at_ms) as oldest from ${name}`,
    )
    oldestMs ??= found[0]!.oldest
    if (!isOld && oldestMs !== null) break
  }
  return expired('event_bodies', rows, oldestMs, heldDays)
}

/** Whether the join still has to read something that came on this day. */
async function isNeeded(pool: Pool, startMs: number, endMs: number): Promise<boolean> {
  const { rows } = await pool.query<{ isNeeded: boolean }>(
    `select exists (select from events t where received_at_ms >= $1 and received_at_ms < $2 and ${isPending})
       or exists (select from orphans join events using (event_id) where received_at_ms >= $1 and received_at_ms < $2)
       as "isNeeded"`,
    [startMs, endMs],
  )
  return rows[0]!.isNeeded
}

/** Everybody who reads events waits for this, and it for them: rather tomorrow than long. */
const dropPartition = (pool: Pool, name: string) =>
  transaction(pool, async (sql) => {
    await sql.query(`set local lock_timeout = '5s'`)
    await sql.query(`drop table ${name}`)
  })

async function expireSlates(pool: Pool, kept: readonly KeptTime[], isDryRun: boolean): Promise<readonly Expired[]> {
  const of = { table: 'slates', moment: 'occurred_at_ms' }
  let [slates, examples] = [0, 0]
  for (const { sources, fromMs: beforeMs } of kept) {
    const own = `from slates t join examples e using (slate_id)
      where t.occurred_at_ms >= $1 and t.occurred_at_ms < $2 and t.source = any($3::text[])`
    if (isDryRun) {
      const count = `select count(*) as rows ${own}`
      const { rows } = await pool.query<{ rows: number }>(count, [Number.MIN_SAFE_INTEGER, beforeMs, sources])
      examples += rows[0]!.rows
    }
    // It got an example again in between, and goes with it next time.
    const unless = 'exists (select from examples e where e.slate_id = t.slate_id)'
    const first = async (from: number, before: number) => {
      examples += await inBatches(() =>
        besideJoin(pool, async (sql) => {
          const one = `delete from examples where ctid = any(array(select e.ctid ${own} limit ${batchRows}))`
          return (await sql.query(one, [from, before, sources])).rowCount
        }),
      )
    }
    const condition = 't.source = any($3::text[])'
    slates += await sweep(pool, { ...of, condition, values: [sources], beforeMs, first, unless }, isDryRun)
  }
  const oldestMs = await oldestKept(pool, of, kept)
  return [expired('slates', slates, oldestMs), expired('examples', examples, oldestMs)]
}

async function expireJoinBatches(pool: Pool, beforeMs: number, isDryRun: boolean): Promise<Expired> {
  const of = `from join_batches b where joined_at_ms < $1 and not exists (
      select from (
        select distinct s.name as source, newest.joined_at_ms
        from sources s cross join (select read_at_ms from model_versions union select $1 - 1) read
        cross join lateral (
          select joined_at_ms from join_batches n where n.source = s.name and n.joined_at_ms <= read.read_at_ms
          order by joined_at_ms desc limit 1
        ) newest
      ) k where k.source = b.source and k.joined_at_ms = b.joined_at_ms
    )`
  const rows = isDryRun
    ? (await pool.query<{ rows: number }>(`select count(*) as rows ${of}`, [beforeMs])).rows[0]!.rows
    : await inBatches(async () => {
        const one = `delete from join_batches where ctid = any(array(select b.ctid ${of} limit ${batchRows}))`
        return (await pool.query(one, [beforeMs])).rowCount
      })
  const { rows: oldest } = await pool.query<{ oldest: number | null }>(
    'select min(joined_at_ms) as oldest from join_batches where joined_at_ms > 0',
  )
  return expired('join_batches', rows, oldest[0]!.oldest)
}
