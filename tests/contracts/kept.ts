import { defineRanker } from '../../models/spec/define-ranker.ts'
import { ingest } from '../../pipelines/ingest/ingest.ts'
import { join } from '../../pipelines/join/join.ts'
import { createIngestStore } from '../../services/adapters/postgres/ingest-store.ts'
import { createJoinStore } from '../../services/adapters/postgres/join-store.ts'
import type { Pool } from '../../services/adapters/postgres/pool.ts'
import { at, record } from './sent.ts'

/** A ranker that has everything kept which a join can keep. */
export const keepsAll = defineRanker({
  name: 'keeps',
  impressions: 'explicit',
  features: [
    { kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 8 } },
    { kind: 'counters', name: 'pair', of: 'user-item', feedback: ['click'] },
    { kind: 'counters', name: 'own', of: 'user', feedback: ['click'], windowDays: 7 },
    { kind: 'history', name: 'past', length: 3, items: ['itemId'] },
  ],
  tasks: [{ name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: 1_000 }],
})

export const dayMs = 86_400_000

/** Everything that was taken in is gone, and `send` and `joinAll` go through the flows themselves. */
export async function emptied(pool: Pool) {
  await pool.query(
    `truncate events, event_bodies, pending, sources, dead_letters, catalog_versions, slates, examples, tallies, history,
       orphans, positions, erasures, join_batches, activations, model_versions, rankers, jobs`,
  )
  const { rows } = await pool.query<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'event_bodies'::regclass`,
  )
  for (const { name } of rows) await pool.query(`drop table ${name}`)
  const [store, joinStore] = [createIngestStore(pool), createJoinStore(pool)]
  return {
    pool,
    store,
    /** `receivedAtMs` is a moment in full; an event's `atMs` counts from the start of the tests. */
    send: (source: string, receivedAtMs: number, ...events: readonly object[]) =>
      ingest(events.map(record), { store, rankers: [keepsAll.name], source, nowMs: () => receivedAtMs }),
    async joinAll(source: string, untilMs: number) {
      await store.transaction((transaction) => transaction.advance(source, untilMs))
      return join({ store: joinStore, rankers: [keepsAll], latenessMs: 0, nowMs: () => untilMs })
    },
    async idsOf(table: string, column: string): Promise<readonly string[]> {
      const { rows: found } = await pool.query<{ id: string }>(`select ${column} as id from ${table} order by 1`)
      return found.map(({ id }) => id)
    },
  }
}
export type World = Awaited<ReturnType<typeof emptied>>

export const item = (eventId: string, atMs: number, itemId = 'i1') => ({
  type: 'item',
  eventId,
  occurredAt: at(atMs),
  itemId,
})
export const slate = (slateId: string, atMs: number, userId = 'u1', itemIds: readonly string[] = ['i1', 'i2']) => ({
  type: 'slate',
  eventId: `${slateId}-event`,
  occurredAt: at(atMs),
  slateId,
  userId,
  items: itemIds.map((itemId) => ({ itemId })),
})
export const seen = (slateId: string, atMs: number, ...itemIds: readonly string[]) => ({
  type: 'impression',
  eventId: `${slateId}-seen`,
  occurredAt: at(atMs),
  slateId,
  itemIds: itemIds.length === 0 ? ['i1', 'i2'] : itemIds,
})
export const click = (eventId: string, atMs: number, slateId?: string, userId = 'u1', itemId = 'i1') => ({
  type: 'feedback',
  eventId,
  occurredAt: at(atMs),
  userId,
  itemId,
  slateId,
  kind: 'click',
})
