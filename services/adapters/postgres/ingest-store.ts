import { createHash } from 'node:crypto'
import { Fault } from '../../../models/spec/fault.ts'
import type { Event } from '../../../pipelines/ingest/events.ts'
import type { Claim, DeadLetter, IngestStore, IngestTransaction } from '../../../pipelines/ingest/ports.ts'
import { bigintArray, textArray } from './arrays.ts'
import { createDayPartitions, type DayPartitions } from './day-partitions.ts'
import { type Pool, type Sql, transaction } from './pool.ts'
import { signal } from './signals.ts'

/** The order in which the join takes events of one moment. */
const ranks = { item: 0, user: 0, slate: 1, impression: 2, feedback: 3 } as const

export function createIngestStore(pool: Pool): IngestStore {
  const partitions = createDayPartitions('event_bodies')
  return {
    transaction: (work) =>
      partitions.during((days) =>
        transaction(pool, (sql) =>
          work({
            accept: (...given) => accept(sql, days, ...given),
            quarantine: (...given) => quarantine(sql, ...given),
            async newestPending(source) {
              const { rows } = await sql.query<{ newestMs: number | null }>(
                'select max(occurred_at_ms) as "newestMs" from pending where source = $1',
                [source],
              )
              return rows[0]!.newestMs
            },
            advance: async (source, watermarkMs) => {
              await sql.query(
                `insert into sources (name, watermark_ms) values ($1, $2)
                 on conflict (name) do update set watermark_ms = greatest(sources.watermark_ms, $2)`,
                [source, watermarkMs],
              )
            },
            claim: (given) => claim(sql, given),
            async holdLetter(id) {
              const { rows } = await sql.query<{ source: string; payload: Uint8Array }>(
                'select source, payload from dead_letters where id = $1 and resolution is null for update',
                [id],
              )
              return rows[0] ?? null
            },
            resolveLetter: async (id, resolution, atMs) => {
              // What was dropped is let go of; its digest still tells the record when it is read again.
              await sql.query(
                `update dead_letters set resolution = $2, resolved_at_ms = $3, payload = '' where id = $1`,
                [id, resolution, atMs],
              )
            },
            keepLetter: (id, letter) => keepLetter(sql, id, letter),
          }),
        ),
      ),
  }
}

async function claim(sql: Sql, { group, topic, partition, fromOffset, nextOffset, watermarkMs }: Claim): Promise<void> {
  const { rowCount } = await sql.query(
    `update positions set next_offset = $5, watermark_ms = greatest(watermark_ms, $6)
     where consumer_group = $1 and topic = $2 and partition = $3 and next_offset = $4`,
    [group, topic, partition, fromOffset, nextOffset, watermarkMs],
  )
  if (rowCount === 1) return
  throw new Fault(
    'POSITION_MOVED',
    `Partition ${partition} of "${topic}" is not at ${fromOffset} any more: another consumer of "${group}" has it, or its position was set. Nothing was taken; go on from the stored position.`,
    { retry: true, details: { topic, partition, fromOffset } },
  )
}

const withoutNul = (text: string) => text.replaceAll('\u0000', '\\u0000')
const digestOf = (payload: Uint8Array): string => String(createHash('sha256').update(payload).digest().readBigInt64BE())

async function quarantine(
  sql: Sql,
  ...[letters, source, receivedAtMs]: Parameters<IngestTransaction['quarantine']>
): Promise<void> {
  await sql.query(
    `insert into dead_letters (event_id, payload, code, path, message, topic, partition, record_offset, digest, source, received_at_ms)
     select letter.*, $10, $11
     from unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::bigint[], $9::bigint[]) as letter
     on conflict do nothing`,
    [
      letters.map(({ eventId }) => (eventId?.includes('\u0000') ? null : eventId)),
      letters.map(({ payload }) => Buffer.from(payload)),
      letters.map(({ code }) => code),
      letters.map(({ path }) => withoutNul(path)),
      letters.map(({ message }) => withoutNul(message)),
      letters.map(({ origin }) => origin?.topic ?? null),
      letters.map(({ origin }) => origin?.partition ?? null),
      letters.map(({ origin }) => origin?.offset ?? null),
      letters.map(({ payload }) => digestOf(payload)),
      source,
      receivedAtMs,
    ],
  )
}

async function keepLetter(sql: Sql, id: number, { eventId, payload, code, path, message }: DeadLetter): Promise<void> {
  await sql.query(
    `update dead_letters set event_id = $2, payload = $3, code = $4, path = $5, message = $6, attempts = attempts + 1
     where id = $1`,
    [
      id,
      eventId?.includes('\u0000') ? null : eventId,
      Buffer.from(payload),
      code,
      withoutNul(path),
      withoutNul(message),
    ],
  )
}

/** Ids that an erased user is known by: nothing but a hash of theirs is kept. */
export const userHash = (userId: string): Buffer => createHash('sha256').update(userId).digest()

const userOf = (event: Event): string | null => ('userId' in event ? event.userId : null)

/** For each erased user among these, when that was. */
async function erasures(sql: Sql, userIds: ReadonlySet<string>): Promise<ReadonlyMap<string, number>> {
  if (userIds.size === 0) return new Map()
  const ids = [...userIds]
  const { rows } = await sql.query<{ hash: string; erasedAtMs: number }>(
    `select encode(user_hash, 'hex') as hash, erased_at_ms as "erasedAtMs" from erasures where user_hash = any($1::bytea[])`,
    [ids.map(userHash)],
  )
  if (rows.length === 0) return new Map()
  const erased = new Map(rows.map(({ hash, erasedAtMs }) => [hash, erasedAtMs]))
  return new Map(
    ids.flatMap((id): [string, number][] => {
      const atMs = erased.get(userHash(id).toString('hex'))
      return atMs === undefined ? [] : [[id, atMs]]
    }),
  )
}

async function accept(
  sql: Sql,
  days: DayPartitions,
  ...[given, source, receivedAtMs]: Parameters<IngestTransaction['accept']>
): ReturnType<IngestTransaction['accept']> {
  const users = new Set(given.flatMap(({ event }) => userOf(event) ?? []))
  const [erased] = await Promise.all([
    erasures(sql, users),
    sql.query('insert into sources (name, watermark_ms) values ($1, 0) on conflict do nothing', [source]),
  ])
  const isErased = ({ event, occurredAtMs }: (typeof given)[number]) =>
    occurredAtMs <= (erased.get(userOf(event) ?? '') ?? Number.NEGATIVE_INFINITY)
  const events = given.filter((each) => !isErased(each))
  await days.ensure(sql, receivedAtMs)
  const { rows: fresh } = await sql.query<{ event_id: string }>(
    `with given as (
       select * from unnest($3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::text[]) as event (event_id, digest, type, occurred_at_ms, body)
     ), fresh as (
       insert into events (event_id, digest, type, source, occurred_at_ms, received_at_ms)
       select event_id, digest, type, $1, occurred_at_ms, $2 from given
       order by event_id
       on conflict do nothing
       returning event_id
     ), new as materialized (
       select *, body::json as json from given join fresh using (event_id)
     ), kept as (
       insert into event_bodies (received_at_ms, event_id, body) select $2, event_id, json from new
     ), queued as (
       insert into pending (source, occurred_at_ms, rank, event_id, body)
       select $1, occurred_at_ms, case type when 'slate' then ${ranks.slate} when 'impression' then ${ranks.impression} when 'feedback' then ${ranks.feedback} else ${ranks.item} end, event_id, json
       from new
     )
     select event_id from fresh, (select ${signal('events')}) signalled`,
    [
      source,
      receivedAtMs,
      textArray(events.map(({ event }) => event.eventId)),
      bigintArray(events.map(({ digest }) => digest)),
      textArray(events.map(({ event }) => event.type)),
      bigintArray(events.map(({ occurredAtMs }) => occurredAtMs)),
      textArray(events.map(({ event }) => JSON.stringify(event))),
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
  return given.map((each) => {
    const { event, digest } = each
    if (isErased(each)) return 'erased'
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
