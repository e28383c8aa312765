import type { FeatureValues } from '../../../models/spec/features.ts'
import type { HistoryItem, Tally } from '../../../models/spec/slate.ts'
import { historyHorizon, mergeTallies } from '../../../models/spec/tally.ts'
import { backfillMark, liveClock, liveSources } from '../../../pipelines/join/clocks.ts'
import { type TallyScope, userItemKey } from '../../../pipelines/join/ports.ts'
import type { CatalogEntry, KnowledgeQuery, KnowledgeStore } from '../../../pipelines/ranking/ports.ts'
import type { Pool, Sql } from './pool.ts'

export const createKnowledgeStore = (pool: Pool): KnowledgeStore => ({
  async know(query) {
    const { userId, itemIds, historyFeedback } = query
    const catalog = await newestOf(pool, userId, itemIds)
    const tallies = await talliesOf(pool, query)
    const { history, historyEnd } =
      historyFeedback?.length === 0
        ? { history: [], historyEnd: 0 }
        : await latestHistory(pool, userId, historyFeedback)
    const entries = (wanted: 'user' | 'item') =>
      new Map(
        catalog
          .filter(({ kind }) => kind === wanted)
          .map(({ id, version, features }): [string, CatalogEntry] => [id, { version, features }]),
      )
    const tallyMap = (wanted: TallyScope) => {
      const sums = new Map<string, Tally>()
      for (const { scope, key, tally } of tallies) {
        const other = sums.get(key)
        if (scope === wanted) sums.set(key, other === undefined ? tally : mergeTallies(other, tally))
      }
      return sums
    }
    const pairs = tallyMap('user-item')
    return {
      user: entries('user').get(userId) ?? null,
      userTally: tallyMap('user').get(userId) ?? null,
      history,
      historyEnd,
      items: entries('item'),
      itemTallies: tallyMap('item'),
      userItemTallies: new Map(
        itemIds.flatMap((itemId): [string, Tally][] => {
          const tally = pairs.get(userItemKey(userId, itemId))
          return tally === undefined ? [] : [[itemId, tally]]
        }),
      ),
    }
  },
})

/** What the catalogue has of the user and the items now; deleted ones are not there. */
async function newestOf(sql: Sql, userId: string, itemIds: readonly string[]) {
  const { rows } = await sql.query<{ kind: 'user' | 'item'; id: string; version: number; features: FeatureValues }>(
    `select wanted.kind, wanted.id, newest.version, newest.features
     from (select 'user' as kind, $1::text as id union all select 'item', unnest($2::text[])) wanted
     cross join lateral (
       select version, features, deleted from catalog_versions v where v.kind = wanted.kind and v.id = wanted.id
       order by occurred_at_ms desc, version desc limit 1
     ) newest where not newest.deleted`,
    [userId, itemIds],
  )
  return rows
}

/** The newest by their own time, whenever they came. */
async function latestHistory(sql: Sql, userId: string, kinds: readonly string[] | null) {
  const { rows } = await sql.query<Omit<HistoryItem, 'features'> & { last: number; features: FeatureValues | null }>(
    `select (select max(sequence) from history where user_id = $1) as last, h.item_id as "itemId", h.kind,
       h.occurred_at_ms as "occurredAtMs", v.features
     from (select * from history where user_id = $1 order by occurred_at_ms desc, sequence desc limit $2) h
     left join catalog_versions v on v.version = h.item_version and not v.deleted
     order by h.occurred_at_ms, h.sequence`,
    [userId, historyHorizon],
  )
  return {
    history: rows
      .filter(({ kind }) => kinds === null || kinds.includes(kind))
      .map(({ itemId, kind, occurredAtMs, features }) => ({ itemId, kind, occurredAtMs, features: features ?? {} })),
    historyEnd: rows[0]?.last ?? 0,
  }
}

/** Of every clock. */
async function talliesOf(sql: Sql, { userId, itemIds, tallies }: KnowledgeQuery) {
  const keys = [
    ...(tallies.user ? [{ scope: 'user', key: userId }] : []),
    ...(tallies.item ? itemIds.map((key) => ({ scope: 'item', key })) : []),
    ...(tallies.userItem ? itemIds.map((itemId) => ({ scope: 'user-item', key: userItemKey(userId, itemId) })) : []),
  ]
  if (keys.length === 0) return []
  const { rows } = await sql.query<{ scope: TallyScope; key: string; tally: Tally }>(
    `select wanted.scope, wanted.key, tally
     from (
       select $3 as clock union all select $4 || name from sources where name <> all($5::text[]) and joined_to_ms > 0
     ) clocks
     cross join unnest($1::text[], $2::text[]) as wanted (scope, key)
     join tallies t on t.scope = wanted.scope || clock and t.key = wanted.key`,
    [keys.map(({ scope }) => scope), keys.map(({ key }) => key), liveClock, backfillMark, liveSources],
  )
  return rows
}
