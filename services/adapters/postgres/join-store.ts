import type { Event } from '../../../pipelines/ingest/events.ts'
import type {
  CatalogVersion,
  ClockTally,
  FoldOutput,
  JoinedExample,
  JoinedSlate,
  JoinStore,
  JoinTransaction,
  PendingEvent,
  Source,
} from '../../../pipelines/join/ports.ts'
import { bigint, insertRows, int, json, text, textArray } from './arrays.ts'
import { withBodies } from './bodies.ts'
import { besideJoin } from './join-lock.ts'
import type { Pool, Sql } from './pool.ts'

/**
 * What a batch names is looked up by key, row by row: the planner, which does not know how much of it is new, would rather
 * read whole tables, and more of them the more there is.
 */
const lookUps = ['seqscan', 'hashjoin', 'mergejoin']
  .map((each) => `set_config('enable_${each}', 'off', true)`)
  .join(', ')

/**
 * What was joined leaves dead entries at the very place where the next batch begins, and every batch walks over them: they
 * are swept away sooner than the server would by itself, which has larger tables to see to.
 */
const sweepAfter = 50_000

export function createJoinStore(pool: Pool): JoinStore {
  let finished = 0
  return {
    sources: () => sourcesOf(pool),
    async transaction(work) {
      const result = await besideJoin(pool, async (sql) => {
        await sql.query(`select ${lookUps}`)
        return work(
          joinTransaction(sql, (events) => {
            finished += events
          }),
        )
      })
      if (finished >= sweepAfter) {
        finished = 0
        await pool.query('vacuum (truncate false, index_cleanup on) pending')
      }
      return result
    },
  }
}

/** How far each source is read and joined, in order of their names. */
export async function sourcesOf(sql: Sql): Promise<readonly Source[]> {
  // Every group reads all partitions: the one that is ahead has read whatever the others have still to read.
  const { rows } = await sql.query<Source & { [key: string]: unknown }>(
    `select name, joined_to_ms as "joinedToMs",
       greatest(watermark_ms, (
         select max(slowest) from (
           select min(p.watermark_ms) as slowest from positions p where p.source = s.name group by p.consumer_group
         ) groups
       )) as "watermarkMs",
       (select min(p.occurred_at_ms) from pending p where p.source = s.name) is not null as "isWaiting"
     from sources s order by name`,
  )
  return rows
}

const eventColumns =
  'e.event_id as "eventId", e.source, e.occurred_at_ms as "occurredAtMs", e.received_at_ms as "receivedAtMs", e.body as event'
interface EventRow {
  eventId: string
  source: string
  occurredAtMs: number
  receivedAtMs: number
  /** Null until it is read from where bodies are. */
  event: Event | null
}

/** Without those whose body is gone. */
async function withEvents(sql: Sql, rows: readonly EventRow[]): Promise<readonly PendingEvent[]> {
  const read = await withBodies(sql, rows)
  return read.flatMap(({ eventId, source, occurredAtMs, event }) =>
    event === null ? [] : [{ eventId, source, occurredAtMs, event }],
  )
}

/** By their ids, as the release before `pending` had bodies left them. */
async function eventsOf(sql: Sql, events: readonly { eventId: string }[]): Promise<readonly PendingEvent[]> {
  if (events.length === 0) return []
  const { rows } = await sql.query<EventRow & { [key: string]: unknown }>(
    `select ${eventColumns} from events e where event_id = any($1::text[])`,
    [textArray(events.map(({ eventId }) => eventId))],
  )
  return withEvents(sql, rows)
}

const joinTransaction = (sql: Sql, onFinished: (events: number) => void): JoinTransaction => ({
  sources: () => sourcesOf(sql),
  async pending(sources, upToMs, limit) {
    // Each source by its index, then the first of them all.
    const { rows } = await sql.query<Omit<EventRow, 'receivedAtMs'> & { [key: string]: unknown }>(
      `select event_id as "eventId", own.source, occurred_at_ms as "occurredAtMs", body as event
       from unnest($1::text[]) as wanted (source) cross join lateral (
         select * from pending where source = wanted.source and occurred_at_ms <= $2
         order by occurred_at_ms, rank, event_id limit $3
       ) own order by occurred_at_ms, rank, event_id limit $3`,
      [sources, upToMs, limit],
    )
    const bare = rows.filter(({ event }) => event === null)
    const events = new Map((await eventsOf(sql, bare)).map(({ eventId, event }) => [eventId, event]))
    return rows.flatMap((row) => {
      const event = row.event ?? events.get(row.eventId)
      return event === undefined ? [] : [{ ...row, event }]
    })
  },
  addCatalog: (versions) => addCatalog(sql, versions),
  async slates(slateIds) {
    const ids = textArray(slateIds)
    // Asked at once, here and below: one is read, or written out, while the database is at another.
    const [slates, examples, orphans] = await Promise.all([
      sql.query<JoinedSlate & { [key: string]: unknown }>(
        `select slate_id as "slateId", source, ranker, definition_hash as "definitionHash", model_version as "modelVersion",
           user_id as "userId", occurred_at_ms as "occurredAtMs", context, user_features as "user", user_version as "userVersion",
           user_tally as "userTally", history_end as "historyEnd", items
         from slates where slate_id = any($1::text[])`,
        [ids],
      ),
      sql.query<JoinedExample & { [key: string]: unknown }>(
        `select slate_id as "slateId", item_id as "itemId", ranker, position, occurred_at_ms as "occurredAtMs", feedback
         from examples where slate_id = any($1::text[])`,
        [ids],
      ),
      sql.query<EventRow>(
        `select ${eventColumns} from orphans o join events e using (event_id)
         where o.slate_id = any($1::text[]) order by e.occurred_at_ms, e.event_id`,
        [ids],
      ),
    ])
    return { slates: slates.rows, examples: examples.rows, orphans: await withEvents(sql, orphans.rows) }
  },
  async remembered({ users, items, tallies, clocks, history }) {
    const userIds = textArray(users)
    const [found, catalog, ends] = await Promise.all([
      sql.query<ClockTally & { [key: string]: unknown }>(
        `select clock, wanted.scope, wanted.key, tally
         from unnest($3::text[]) as clock cross join unnest($1::text[], $2::text[]) as wanted (scope, key)
         join tallies t on t.scope = wanted.scope || clock and t.key = wanted.key`,
        [textArray(tallies.map(({ scope }) => scope)), textArray(tallies.map(({ key }) => key)), clocks],
      ),
      sql.query<{ kind: 'item' | 'user'; id: string; occurredAtMs: number; version: number }>(
        `select kind, id, occurred_at_ms as "occurredAtMs", version from catalog_versions
         join (select 'user' as kind, unnest($1::text[]) as id union all select 'item', unnest($2::text[])) wanted using (kind, id)
         order by kind, id, occurred_at_ms, version`,
        [userIds, textArray(items)],
      ),
      sql.query<{ userId: string; sequence: number }>(
        // The end of each index range: a history is as long as its user has been here.
        `select wanted.id as "userId", own.sequence
         from unnest($1::text[]) as wanted (id) cross join lateral (
           select sequence from history where $2 and user_id = wanted.id order by sequence desc limit 1
         ) own`,
        [userIds, history],
      ),
    ])
    return { tallies: found.rows, catalog: catalog.rows, historyEnds: ends.rows }
  },
  save: (output) => save(sql, output),
  async finish(events, moves) {
    onFinished(events.length)
    // By range of time, so that the index alone finds them, whatever the planner believes of the table.
    await sql.query(
      `delete from pending
       where source = any($1::text[]) and occurred_at_ms between $2 and $3 and event_id = any($4::text[])`,
      [
        moves.map(({ source }) => source),
        events[0]!.occurredAtMs,
        events.at(-1)!.occurredAtMs,
        textArray(events.map(({ eventId }) => eventId)),
      ],
    )
    await sql.query(
      `update sources s set joined_to_ms = greatest(s.joined_to_ms, moved.joined_to_ms), late = s.late + moved.late
       from unnest($1::text[], $2::bigint[], $3::bigint[]) as moved (name, joined_to_ms, late) where s.name = moved.name`,
      [moves.map(({ source }) => source), moves.map(({ joinedToMs }) => joinedToMs), moves.map(({ late }) => late)],
    )
  },
})

async function addCatalog(sql: Sql, versions: readonly CatalogVersion[]): Promise<readonly number[]> {
  const { rows } = await sql.query<{ version: number }>(
    `insert into catalog_versions (kind, id, occurred_at_ms, features, deleted)
     select kind, id, occurred_at_ms, features, deleted
     from unnest($1::text[], $2::text[], $3::bigint[], $4::json[], $5::boolean[]) with ordinality
       as added (kind, id, occurred_at_ms, features, deleted, place)
     order by place returning version`,
    [
      versions.map(({ kind }) => kind),
      versions.map(({ id }) => id),
      versions.map(({ occurredAtMs }) => occurredAtMs),
      versions.map(({ features }) => JSON.stringify(features)),
      versions.map(({ deleted }) => deleted),
    ],
  )
  return rows.map(({ version }) => version)
}

async function save(sql: Sql, { slates, examples, tallies, history, orphans, adopted }: FoldOutput): Promise<void> {
  await Promise.all([
    insertRows(sql, 'slates', slates, {
      slate_id: text(({ slateId }) => slateId),
      source: text(({ source }) => source),
      ranker: text(({ ranker }) => ranker),
      definition_hash: text(({ definitionHash }) => definitionHash),
      model_version: text(({ modelVersion }) => modelVersion),
      user_id: text(({ userId }) => userId),
      occurred_at_ms: bigint(({ occurredAtMs }) => occurredAtMs),
      context: json(({ context }) => context),
      user_features: json(({ user }) => user),
      user_version: bigint(({ userVersion }) => userVersion),
      user_tally: json(({ userTally }) => userTally),
      history_end: bigint(({ historyEnd }) => historyEnd),
      items: json(({ items }) => items),
    }),
    insertRows(
      sql,
      'examples',
      examples,
      {
        slate_id: text(({ slateId }) => slateId),
        item_id: text(({ itemId }) => itemId),
        ranker: text(({ ranker }) => ranker),
        position: int(({ position }) => position),
        occurred_at_ms: bigint(({ occurredAtMs }) => occurredAtMs),
        feedback: json(({ feedback }) => feedback),
      },
      'on conflict (slate_id, item_id) do update set feedback = excluded.feedback',
    ),
    insertRows(
      sql,
      'tallies',
      tallies,
      {
        scope: text(({ scope, clock }) => scope + clock),
        key: text(({ key }) => key),
        tally: json(({ tally }) => tally),
      },
      'on conflict (scope, key) do update set tally = excluded.tally',
    ),
    insertRows(sql, 'history', history, {
      user_id: text(({ userId }) => userId),
      sequence: bigint(({ sequence }) => sequence),
      item_id: text(({ itemId }) => itemId),
      item_version: bigint(({ itemVersion }) => itemVersion),
      kind: text(({ kind }) => kind),
      occurred_at_ms: bigint(({ occurredAtMs }) => occurredAtMs),
    }),
    insertRows(
      sql,
      'orphans',
      orphans,
      { slate_id: text(({ slateId }) => slateId), event_id: text(({ eventId }) => eventId) },
      'on conflict do nothing',
    ),
    adopted.length === 0
      ? null
      : sql.query(
          `delete from orphans using unnest($1::text[], $2::text[]) as adopted (slate_id, event_id)
           where orphans.slate_id = adopted.slate_id and orphans.event_id = adopted.event_id`,
          [textArray(adopted.map(({ slateId }) => slateId)), textArray(adopted.map(({ eventId }) => eventId))],
        ),
  ])
}
