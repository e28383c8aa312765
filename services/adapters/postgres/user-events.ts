import type { Event } from '../../../pipelines/ingest/events.ts'
import { dayPartitions } from './day-partition-list.ts'
import type { Pool } from './pool.ts'
import { pageRanges } from './walk.ts'

export interface FoundEvent {
  readonly eventId: string
  readonly receivedAtMs: number
  readonly type: Event['type']
  readonly slateId: string | null
}

/** Events whose `body` meets a condition on $1, looked for in all that is kept of events, a piece at a time. */
export async function findBodies(pool: Pool, condition: string, value: unknown): Promise<readonly FoundEvent[]> {
  const found: FoundEvent[] = []
  // Releases before bodies had days of their own kept them in the ledger.
  for (const table of ['events', ...(await dayPartitions(pool)).map(({ name }) => name)]) {
    for (const range of await pageRanges(pool, table)) {
      const { rows } = await pool.query<FoundEvent & { [column: string]: unknown }>(
        `select event_id as "eventId", received_at_ms as "receivedAtMs", body->>'type' as type, body->>'slateId' as "slateId"
         from ${table} where ctid >= $2::tid and ctid < $3::tid and ${condition}`,
        [value, ...range],
      )
      found.push(...rows)
    }
  }
  return found
}
