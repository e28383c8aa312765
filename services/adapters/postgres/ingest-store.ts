import type { IngestStore } from '../../../pipelines/ingest/ports.ts'
import { type Pool, type Sql, transaction } from './pool.ts'

/** The order in which the join takes events of one moment. */
const ranks = { item: 0, user: 0, slate: 1, impression: 2, feedback: 3 } as const

export const createIngestStore = (pool: Pool): IngestStore => ({
  transaction: (work) =>
    transaction(pool, (sql) =>
      work({
        accept: (events, source, receivedAtMs) => accept(sql, events, source, receivedAtMs),
        quarantine: async (letters, source, receivedAtMs) => {
          await sql.query(
            `insert into dead_letters (event_id, payload, code, path, message, source, received_at_ms)
             select event_id, payload, code, path, message, $6, $7
             from unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[]) as letter (event_id, payload, code, path, message)`,
            [
              letters.map(({ eventId }) => (eventId?.includes('\u0000') ? null : eventId)),
              letters.map(({ payload }) => Buffer.from(payload)),
              letters.map(({ code }) => code),
              letters.map(({ path }) => path.replaceAll('\u0000', '\\u0000')),
              letters.map(({ message }) => message.replaceAll('\u0000', '\\u0000')),
              source,
              receivedAtMs,
            ],
          )
        },
        advance: async (source, watermarkMs) => {
          await sql.query('update sources set watermark_ms = greatest(watermark_ms, $2) where name = $1', [
            source,
            watermarkMs,
          ])
        },
      }),
    ),
})

type Accept = Parameters<Parameters<IngestStore['transaction']>[0]>[0]['accept']

async function accept(sql: Sql, ...[events, source, receivedAtMs]: Parameters<Accept>): ReturnType<Accept> {
  await sql.query('insert into sources (name, watermark_ms) values ($1, 0) on conflict do nothing', [source])
  const { rows: fresh } = await sql.query<{ event_id: string }>(
    `with fresh as (
       insert into events (event_id, digest, type, source, occurred_at_ms, received_at_ms, body)
       select event_id, digest, type, $1, occurred_at_ms, $2, body
       from unnest($3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::jsonb[]) as event (event_id, digest, type, occurred_at_ms, body)
       order by event_id
       on conflict do nothing
       returning event_id, type, occurred_at_ms
     ), queued as (
       insert into pending (source, occurred_at_ms, rank, event_id)
       select $1, occurred_at_ms, case type when 'slate' then ${ranks.slate} when 'impression' then ${ranks.impression} when 'feedback' then ${ranks.feedback} else ${ranks.item} end, event_id
       from fresh
     )
     select event_id from fresh`,
    [
      source,
      receivedAtMs,
      events.map(({ event }) => event.eventId),
      events.map(({ digest }) => String(digest)),
      events.map(({ event }) => event.type),
      events.map(({ occurredAtMs }) => occurredAtMs),
      events.map(({ event }) => JSON.stringify(event)),
    ],
  )
  const accepted = new Set(fresh.map(({ event_id }) => event_id))
  const repeated = events.filter(({ event }) => !accepted.has(event.eventId))
  const digests =
    repeated.length === 0
      ? new Map<string, string>()
      : await digestsOf(
          sql,
          repeated.map(({ event }) => event.eventId),
        )
  return events.map(({ event, digest }) => {
    if (accepted.has(event.eventId)) return 'accepted'
    return digests.get(event.eventId) === String(digest) ? 'duplicate' : 'conflict'
  })
}

async function digestsOf(sql: Sql, eventIds: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await sql.query<{ event_id: string; digest: string }>(
    'select event_id, digest::text as digest from events where event_id = any($1::text[])',
    [eventIds],
  )
  return new Map(rows.map(({ event_id, digest }) => [event_id, digest]))
}
