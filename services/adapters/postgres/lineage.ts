import type { ModelVersion } from '../../../pipelines/promotion/ports.ts'
import type { LearntSlate, LineageStore, SlateCursor } from '../../../pipelines/retention/ports.ts'
import type { Pool, Sql } from './pool.ts'

const dayMs = 86_400_000
/** An event may be dated so long after it came: the sender's clock was ahead. */
const mostAheadMs = 5 * 60_000

/** How far a source had been joined at a moment; nothing of one that had not been is in any version that began to read then. */
export const joinedTo = (source: string, atMs: string): string =>
  `coalesce((select joined_to_ms from join_batches j where j.source = ${source} and j.joined_at_ms <= ${atMs}
     order by j.joined_at_ms desc limit 1), -1)`

export const createLineageStore = (pool: Pool): LineageStore => ({
  async count(version) {
    const reach = await reachOf(pool, version)
    const bySource = new Map<string, number>()
    const byDay: { day: string; examples: number }[] = []
    const users = new Set<number>()
    let slates = 0
    // A day at a time, so that no statement is long.
    for (let fromMs = await nextMoment(pool, version, version.trainedFromMs); fromMs !== null; ) {
      const untilMs = Math.min((Math.floor(fromMs / dayMs) + 1) * dayMs, version.trainedToMs)
      const day = await countDay(pool, version, reach, fromMs, untilMs)
      for (const user of day.users) users.add(user)
      for (const { source, examples } of day.sources) bySource.set(source, (bySource.get(source) ?? 0) + examples)
      const examples = day.sources.reduce((sum, each) => sum + each.examples, 0)
      slates += day.sources.reduce((sum, each) => sum + each.slates, 0)
      if (examples > 0) byDay.push({ day: new Date(fromMs).toISOString().slice(0, 10), examples })
      fromMs = await nextMoment(pool, version, untilMs)
    }
    return {
      users: users.size,
      slates,
      examples: byDay.reduce((sum, { examples }) => sum + examples, 0),
      bySource: [...bySource].sort().map(([source, examples]) => ({ source, examples })),
      byDay,
    }
  },
  async slates(version, after, limit) {
    const from = after ?? { occurredAtMs: version.trainedFromMs, slateId: '' }
    const { rows } = await pool.query<Omit<LearntSlate, 'eventIds'> & { isLearnt: boolean }>(slatesQuery, [
      version.ranker,
      from.occurredAtMs,
      from.slateId,
      version.trainedToMs,
      limit,
      version.readAtMs,
    ])
    const learnt = rows.filter(({ isLearnt }) => isLearnt)
    const events = await eventsOf(pool, learnt)
    const last = rows.at(-1)
    return {
      slates: learnt.map(({ slateId, source, occurredAtMs, examples }) => ({
        slateId,
        source,
        occurredAtMs,
        examples,
        eventIds: events.get(slateId) ?? [],
      })),
      next:
        last === undefined || rows.length < limit ? null : { occurredAtMs: last.occurredAtMs, slateId: last.slateId },
    }
  },
})

export const slatesQuery = `
  select e.slate_id as "slateId", source, e.occurred_at_ms as "occurredAtMs", e.examples,
    s.occurred_at_ms <= ${joinedTo('s.source', '$6')} as "isLearnt"
  from (
    select slate_id, occurred_at_ms, count(*) as examples from examples
    where ranker = $1 and (occurred_at_ms, slate_id) > ($2, $3) and occurred_at_ms < $4
    group by occurred_at_ms, slate_id order by occurred_at_ms, slate_id limit $5
  ) e join slates s using (slate_id)
  order by e.occurred_at_ms, e.slate_id`

/** The slate's own event first. Days of receipt that have ended have an index for this. */
export const eventsQuery = `
  select body->>'slateId' as "slateId", event_id as "eventId" from event_bodies
  where received_at_ms >= $2 and body->>'slateId' = any($1::text[])
  order by (body->>'type') <> 'slate', received_at_ms, event_id`

async function eventsOf(sql: Sql, slates: readonly SlateCursor[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const events = new Map<string, string[]>()
  if (slates.length === 0) return events
  const { rows } = await sql.query<{ slateId: string; eventId: string }>(eventsQuery, [
    slates.map(({ slateId }) => slateId),
    Math.min(...slates.map(({ occurredAtMs }) => occurredAtMs)) - mostAheadMs,
  ])
  for (const { slateId, eventId } of rows) events.set(slateId, [...(events.get(slateId) ?? []), eventId])
  return events
}

interface Reach {
  readonly source: string
  readonly toMs: number
}

async function reachOf(sql: Sql, { readAtMs }: ModelVersion): Promise<readonly Reach[]> {
  const { rows } = await sql.query<{ source: string; toMs: number }>(
    `select name as source, ${joinedTo('s.name', '$1')} as "toMs" from sources s`,
    [readAtMs],
  )
  return rows
}

async function nextMoment(sql: Sql, { ranker, trainedToMs }: ModelVersion, fromMs: number): Promise<number | null> {
  const { rows } = await sql.query<{ next: number | null }>(
    'select min(occurred_at_ms) as next from examples where ranker = $1 and occurred_at_ms >= $2 and occurred_at_ms < $3',
    [ranker, fromMs, trainedToMs],
  )
  return rows[0]!.next
}

async function countDay(sql: Sql, { ranker }: ModelVersion, reach: readonly Reach[], fromMs: number, untilMs: number) {
  const learnt = `from (
      select slate_id, count(*) as examples from examples
      where ranker = $1 and occurred_at_ms >= $2 and occurred_at_ms < $3 group by occurred_at_ms, slate_id
    ) e join slates s using (slate_id)
    join unnest($4::text[], $5::bigint[]) as reach (source, to_ms) on reach.source = s.source and s.occurred_at_ms <= to_ms`
  const values = [ranker, fromMs, untilMs, reach.map(({ source }) => source), reach.map(({ toMs }) => toMs)]
  const { rows: sources } = await sql.query<{ source: string; slates: number; examples: number }>(
    `select s.source, count(*) as slates, sum(examples)::bigint as examples ${learnt} group by 1`,
    values,
  )
  // Users are told apart by 53 bits of a hash of theirs: millions of ids would be much to hold.
  const { rows: users } = await sql.query<{ hash: number }>(
    `select distinct hashtextextended(user_id, 0) >> 11 as hash ${learnt}`,
    values,
  )
  return { sources, users: users.map(({ hash }) => hash) }
}
