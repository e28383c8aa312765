import type { Event } from '../../../pipelines/ingest/events.ts'
import { bigintArray, textArray } from './arrays.ts'
import type { Sql } from './pool.ts'

interface Received {
  readonly eventId: string
  readonly receivedAtMs: number
  /** Of events that came before bodies had a table of their own. */
  readonly event: Event | null
}

/**
 * The same rows with what their events say. Asked for by itself, with the range of days said: a join with all bodies is
 * planned over every day there is, and the planner would rather read them all.
 */
export async function withBodies<Row extends Received>(sql: Sql, found: readonly Row[]): Promise<readonly Row[]> {
  const missing = found.filter(({ event }) => event === null)
  if (missing.length === 0) return found
  const moments = missing.map(({ receivedAtMs }) => receivedAtMs)
  const [fromMs, toMs] = moments.reduce(
    ([low, high], each) => [Math.min(low, each), Math.max(high, each)],
    [moments[0]!, moments[0]!],
  )
  const { rows } = await sql.query<{ eventId: string; event: Event }>(
    `select event_id as "eventId", body as event
     from unnest($1::bigint[], $2::text[]) as wanted (received_at_ms, event_id) join event_bodies b using (received_at_ms, event_id)
     where b.received_at_ms between $3 and $4`,
    [bigintArray(moments), textArray(missing.map(({ eventId }) => eventId)), fromMs, toMs],
  )
  const bodies = new Map(rows.map(({ eventId, event }) => [eventId, event]))
  return found.map((row) => ({ ...row, event: row.event ?? bodies.get(row.eventId) ?? null }))
}
