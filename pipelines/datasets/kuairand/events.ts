import type { FeatureValues } from '../../../models/spec/features.ts'
import type { Event } from '../../ingest/events.ts'
import { inlineFeatures, type KuairandRow, type KuairandTables } from './tables.ts'

/**
 * The log as polyrank's own events, in time order: what is known of users and videos first, then per user and moment a
 * slate and its feedback, which the log puts at the same moment. The same tables give the same ids.
 */
export function* kuairandEvents({ rows, users, videos }: KuairandTables): Generator<Event> {
  const start = new Date(rows[0]!.atMs).toISOString()
  for (const [userId, features] of users)
    yield { type: 'user', eventId: `kuairand-user-${userId}`, occurredAt: start, userId, features }
  for (const [itemId, features] of catalog(rows, videos))
    yield { type: 'item', eventId: `kuairand-item-${itemId}`, occurredAt: start, itemId, features }
  let slate = 0
  for (const group of slateGroups(rows)) yield* slateEvents(group, ++slate)
}

/** How many events there are, for progress. */
export const kuairandEventCount = ({ rows, users, videos }: KuairandTables): number => {
  let count = users.size + catalog(rows, videos).size
  for (const group of slateGroups(rows)) count += 1 + group.reduce((sum, { kinds }) => sum + kinds.length, 0)
  return count
}

/** Every video of the log: what is known of it, and the first duration that the log has of it. */
function catalog(rows: KuairandTables['rows'], videos: KuairandTables['videos']): Map<string, FeatureValues> {
  const known = new Map<string, FeatureValues>()
  for (const row of rows) {
    if (row.durationMs > 0 && !known.has(row.itemId))
      known.set(row.itemId, { ...videos.get(row.itemId), ...inlineFeatures(row) })
  }
  for (const { itemId } of rows) if (!known.has(itemId)) known.set(itemId, videos.get(itemId) ?? {})
  return known
}

/** Rows of one user and moment; a video that stands there twice starts a slate of its own. */
function* slateGroups(rows: readonly KuairandRow[]): Generator<readonly KuairandRow[]> {
  let group: KuairandRow[] = []
  for (const row of rows) {
    const first = group[0]
    const joins =
      first !== undefined &&
      first.userId === row.userId &&
      first.atMs === row.atMs &&
      group.every(({ itemId }) => itemId !== row.itemId)
    if (!joins && group.length > 0) {
      yield group
      group = []
    }
    group.push(row)
  }
  if (group.length > 0) yield group
}

function* slateEvents(group: readonly KuairandRow[], slate: number): Generator<Event> {
  const { userId, atMs, hour } = group[0]!
  const occurredAt = new Date(atMs).toISOString()
  const slateId = `kuairand-${slate}`
  const items = group.map((row) => ({ itemId: row.itemId, features: inlineFeatures(row) }))
  yield { type: 'slate', eventId: `${slateId}-slate`, occurredAt, slateId, userId, context: { hour }, items }
  for (const { itemId, kinds } of group) {
    for (const kind of kinds) {
      yield { type: 'feedback', eventId: `${slateId}-${itemId}-${kind}`, occurredAt, userId, itemId, slateId, kind }
    }
  }
}
