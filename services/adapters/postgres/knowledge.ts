import type { FeatureValues } from '../../../models/spec/features.ts'
import type { HistoryItem, Tally } from '../../../models/spec/slate.ts'
import { type TallyScope, userItemKey } from '../../../pipelines/join/ports.ts'
import type { KnowledgeStore } from '../../../pipelines/ranking/ports.ts'
import type { Pool, Sql } from './pool.ts'

export const createKnowledgeStore = (pool: Pool): KnowledgeStore => ({
  async know({ userId, itemIds, historyLength, historyFeedback, tallies }) {
    const keys = [
      ...(tallies.user ? [{ scope: 'user', key: userId }] : []),
      ...(tallies.item ? itemIds.map((key) => ({ scope: 'item', key })) : []),
      ...(tallies.userItem ? itemIds.map((itemId) => ({ scope: 'user-item', key: userItemKey(userId, itemId) })) : []),
    ]
    const history = historyLength === 0 ? [] : await latestHistory(pool, userId, historyFeedback, historyLength)
    const seen = [...new Set([...itemIds, ...history.map(({ itemId }) => itemId)])]
    const { rows: catalog } = await pool.query<{
      kind: 'user' | 'item'
      id: string
      features: FeatureValues
      deleted: boolean
    }>(
      `select wanted.kind, wanted.id, newest.features, newest.deleted
       from (select 'user' as kind, $1::text as id union all select 'item', unnest($2::text[])) wanted
       cross join lateral (
         select features, deleted from catalog_versions v where v.kind = wanted.kind and v.id = wanted.id
         order by occurred_at_ms desc, version desc limit 1
       ) newest`,
      [userId, seen],
    )
    const found = keys.length === 0 ? [] : await talliesOf(pool, keys)
    const known = catalog.filter(({ deleted }) => !deleted)
    const tallyMap = (scope: TallyScope) =>
      new Map(found.filter((row) => row.scope === scope).map(({ key, tally }) => [key, tally]))
    const pairs = tallyMap('user-item')
    const items = new Map(known.filter(({ kind }) => kind === 'item').map(({ id, features }) => [id, features]))
    return {
      user: known.find(({ kind }) => kind === 'user')?.features ?? null,
      userTally: tallyMap('user').get(userId) ?? null,
      history: history.map((entry): HistoryItem => ({ ...entry, features: items.get(entry.itemId) ?? {} })),
      items,
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

async function latestHistory(sql: Sql, userId: string, kinds: readonly string[], length: number) {
  const { rows } = await sql.query<{ itemId: string; kind: string; occurredAtMs: number }>(
    `select item_id as "itemId", kind, occurred_at_ms as "occurredAtMs" from history
     where user_id = $1 and ($2::text[] = '{}' or kind = any($2::text[])) order by sequence desc limit $3`,
    [userId, kinds, length],
  )
  return rows.toReversed()
}

async function talliesOf(sql: Sql, keys: readonly { scope: string; key: string }[]) {
  const { rows } = await sql.query<{ scope: TallyScope; key: string; tally: Tally }>(
    'select scope, key, tally from tallies join unnest($1::text[], $2::text[]) as wanted (scope, key) using (scope, key)',
    [keys.map(({ scope }) => scope), keys.map(({ key }) => key)],
  )
  return rows
}
