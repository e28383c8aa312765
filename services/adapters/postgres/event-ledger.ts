import type { Event } from '../../../pipelines/ingest/events.ts'
import type { DeadLetters, EventLedger, QuarantinedLetter, ReceivedEvent } from '../../../pipelines/ingest/ports.ts'
import { joinedTo } from './lineage.ts'
import type { Pool } from './pool.ts'

const letterColumns = `id, event_id as "eventId", code, path, message, source, received_at_ms as "receivedAtMs", topic, partition,
  record_offset as "offset", attempts, resolution, resolved_at_ms as "resolvedAtMs"`
type LetterRow = QuarantinedLetter & { [column: string]: unknown }

interface EventRow {
  [column: string]: unknown
  readonly source: string
  readonly occurredAtMs: number
  readonly receivedAtMs: number
  readonly type: Event['type']
  /** Null once retention let go of it. */
  readonly body: Event | null
  readonly isPending: boolean
  readonly isOrphan: boolean
  /** Whether the slate that it names is there; true where it names none. */
  readonly hasSlate: boolean
}

export const createEventLedger = (pool: Pool): EventLedger => ({
  async trail(eventId) {
    const { rows } = await pool.query<EventRow>(
      `select source, occurred_at_ms as "occurredAtMs", received_at_ms as "receivedAtMs", type,
         coalesce(b.body, e.body) as body,
         exists (select from pending p where p.source = e.source and p.occurred_at_ms = e.occurred_at_ms
           and p.event_id = e.event_id) as "isPending",
         exists (select from orphans o where o.slate_id = coalesce(b.body, e.body)->>'slateId' and o.event_id = e.event_id) as "isOrphan",
         coalesce(b.body, e.body) is not null and (coalesce(b.body, e.body)->>'slateId' is null
           or exists (select from slates s where s.slate_id = coalesce(b.body, e.body)->>'slateId')) as "hasSlate"
       from events e left join event_bodies b using (received_at_ms, event_id) where event_id = $1`,
      [eventId],
    )
    const row = rows[0]
    if (row === undefined) return quarantined(pool, eventId)
    const { body, type, source, occurredAtMs, receivedAtMs } = row
    const examples = await examplesOf(pool, body)
    return {
      state: row.isPending ? 'pending' : row.isOrphan ? 'orphan' : row.hasSlate ? 'joined' : 'expired',
      eventId,
      type,
      source,
      occurredAtMs,
      receivedAtMs,
      slateId: body !== null && 'slateId' in body ? (body.slateId ?? null) : null,
      examples,
      modelVersions: examples.length === 0 ? [] : await versionsOf(pool, examples[0]!.slateId, row),
    }
  },
  async received(after, untilMs, limit) {
    // From the bodies: their key is the order of receipt.
    const { rows } = await pool.query<ReceivedEvent & { [column: string]: unknown }>(
      `select b.received_at_ms as "receivedAtMs", b.event_id as "eventId", source, b.body as event
       from (
         select * from event_bodies
         where received_at_ms <= $1 ${after === null ? '' : 'and received_at_ms >= $3 and (received_at_ms, event_id) > ($3, $4)'}
         order by received_at_ms ${after === null ? 'desc' : 'asc'}, event_id ${after === null ? 'desc' : 'asc'} limit $2
       ) b join events e using (event_id)
       order by b.received_at_ms, b.event_id`,
      after === null ? [untilMs, limit] : [untilMs, limit, after.receivedAtMs, after.eventId],
    )
    return rows
  },
})

async function quarantined(pool: Pool, eventId: string) {
  const { rows } = await pool.query<LetterRow>(
    `select ${letterColumns} from dead_letters where event_id = $1 and resolution is null order by id desc limit 1`,
    [eventId],
  )
  return rows[0] === undefined ? null : { state: 'quarantined' as const, eventId, letter: rows[0] }
}

async function examplesOf(pool: Pool, event: Event | null) {
  if (event === null || !('slateId' in event) || event.slateId === undefined) return []
  const items =
    event.type === 'feedback'
      ? [event.itemId]
      : event.type === 'impression'
        ? event.itemIds
        : event.items.map(({ itemId }) => itemId)
  const { rows } = await pool.query<{ slateId: string; itemId: string }>(
    `select slate_id as "slateId", item_id as "itemId" from examples
     where slate_id = $1 and item_id = any($2::text[]) order by position`,
    [event.slateId, items],
  )
  return rows
}

/**
 * Those that learnt an event: its slate is in their range, and both had been joined when they began to read. One that came
 * late counts as joined when it came; the join takes it in its next turn.
 */
async function versionsOf(
  pool: Pool,
  slateId: string,
  { source, occurredAtMs, receivedAtMs }: EventRow,
): Promise<readonly string[]> {
  const { rows } = await pool.query<{ version: string }>(
    `select version from model_versions v join slates s on s.ranker = v.ranker
     where s.slate_id = $1 and s.occurred_at_ms >= v.trained_from_ms and s.occurred_at_ms < v.trained_to_ms
       and v.read_at_ms >= $2 and $4 <= ${joinedTo('$3', 'v.read_at_ms')}
       and s.occurred_at_ms <= ${joinedTo('s.source', 'v.read_at_ms')}
     order by v.created_at_ms, version`,
    [slateId, receivedAtMs, source, occurredAtMs],
  )
  return rows.map(({ version }) => version)
}

export const createDeadLetters = (pool: Pool): DeadLetters => ({
  async list(before, code) {
    const { rows } = await pool.query<LetterRow>(
      `select ${letterColumns} from dead_letters
       where resolution is null and ($1::bigint is null or id < $1) and ($2::text is null or code = $2)
       order by id desc limit 100`,
      [before, code ?? null],
    )
    return rows
  },
  async countOpen() {
    const { rows } = await pool.query<{ open: number }>(
      'select count(*) as open from dead_letters where resolution is null',
    )
    return rows[0]!.open
  },
  async find(id) {
    const { rows } = await pool.query<LetterRow & { payload: Uint8Array }>(
      `select ${letterColumns}, payload from dead_letters where id = $1`,
      [id],
    )
    return rows[0] ?? null
  },
})
