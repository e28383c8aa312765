import type { FeatureValues } from '../../../models/spec/features.ts'
import type { HistoryItem, JoinedFeedback, SlateExamples, Tally } from '../../../models/spec/slate.ts'
import { historyHorizon } from '../../../models/spec/tally.ts'
import { knownMoments } from '../../../pipelines/join/clocks.ts'
import type { SlateItem } from '../../../pipelines/join/ports.ts'
import type { ExampleSource } from '../../../pipelines/training/ports.ts'
import { sourcesOf } from './join-store.ts'
import type { Pool } from './pool.ts'

/** Slates a page. */
const pageSize = 2_000

interface SlateRow {
  slateId: string
  source: string
  /** Null where it was not ranked here. */
  modelVersion: string | null
  userId: string
  occurredAtMs: number
  context: FeatureValues
  user: FeatureValues
  userVersion: number | null
  userTally: Tally | null
  historyEnd: number
  items: readonly SlateItem[]
  shown: readonly { itemId: string; position: number; feedback: readonly JoinedFeedback[] }[]
}

export function createExampleSource(pool: Pool): ExampleSource {
  return {
    async range(ranker) {
      const { rows } = await pool.query<{ fromMs: number | null; lastMs: number | null; impressions: number }>(
        `select min(occurred_at_ms) as "fromMs", max(occurred_at_ms) as "lastMs", count(*) as impressions
         from examples where ranker = $1`,
        [ranker],
      )
      const { fromMs, lastMs, impressions } = rows[0]!
      return fromMs === null || lastMs === null ? null : { fromMs, toMs: lastMs + 1, impressions }
    },
    async *read(ranker, { fromMs, toMs }) {
      const catalog = new Map<number, FeatureValues>()
      const watermarks = knownMoments(await sourcesOf(pool))
      let after = { occurredAtMs: fromMs, slateId: '' }
      for (;;) {
        const { rows } = await pool.query<SlateRow & { [key: string]: unknown }>(pageQuery, [
          ranker,
          after.occurredAtMs,
          after.slateId,
          toMs,
          pageSize,
        ])
        if (rows.length === 0) return
        await loadCatalog(pool, catalog, rows)
        const histories = await historiesOf(pool, rows)
        yield rows.map((row, i) => toExamples(row, catalog, histories[i]!, watermarks.get(row.source) ?? 0))
        after = rows.at(-1)!
      }
    },
  }
}

const pageQuery = `
  select s.slate_id as "slateId", s.source, s.model_version as "modelVersion", s.user_id as "userId", s.occurred_at_ms as "occurredAtMs", s.context,
    s.user_features as "user", s.user_version as "userVersion", s.user_tally as "userTally", s.history_end as "historyEnd", s.items, shown
  from (
    select slate_id, occurred_at_ms,
      jsonb_agg(jsonb_build_object('itemId', item_id, 'position', position, 'feedback', feedback) order by position) as shown
    from examples
    where ranker = $1 and (occurred_at_ms, slate_id) > ($2, $3) and occurred_at_ms < $4
    group by occurred_at_ms, slate_id order by occurred_at_ms, slate_id limit $5
  ) e join slates s using (slate_id)
  order by e.occurred_at_ms, e.slate_id`

async function loadCatalog(
  pool: Pool,
  catalog: Map<number, FeatureValues>,
  slates: readonly SlateRow[],
): Promise<void> {
  const wanted = new Set(
    slates.flatMap(({ userVersion, items }) => [userVersion, ...items.map(({ version }) => version)]),
  )
  const missing = [...wanted].filter((version): version is number => version !== null && !catalog.has(version))
  if (missing.length === 0) return
  const { rows } = await pool.query<{ version: number; features: FeatureValues; deleted: boolean }>(
    'select version, features, deleted from catalog_versions where version = any($1::bigint[])',
    [missing],
  )
  for (const { version, features, deleted } of rows) catalog.set(version, deleted ? {} : features)
}

/** Clocks differ: what was joined when a request was served may be dated a little after it. */
const mostAheadMs = 3_600_000

/**
 * What each slate's user had done before it, newest last; items as they were known then. Of a slate that was ranked here,
 * all that the ranker saw.
 */
async function historiesOf(pool: Pool, slates: readonly SlateRow[]): Promise<readonly (readonly HistoryItem[])[]> {
  if (slates.every(({ historyEnd }) => historyEnd === 0)) return slates.map(() => [])
  const { rows } = await pool.query<{
    place: number
    itemId: string
    kind: string
    occurredAtMs: number
    features: FeatureValues | null
  }>(
    `select wanted.place, h.item_id as "itemId", h.kind, h.occurred_at_ms as "occurredAtMs", v.features
     from unnest($1::text[], $2::bigint[], $3::bigint[]) with ordinality as wanted (user_id, sequence, before_ms, place)
     cross join lateral (
       select * from history
       where user_id = wanted.user_id and occurred_at_ms < wanted.before_ms and sequence <= wanted.sequence
       order by occurred_at_ms desc, sequence desc limit $4
     ) h
     left join catalog_versions v on v.version = h.item_version and not v.deleted
     order by wanted.place, h.occurred_at_ms, h.sequence`,
    [
      slates.map(({ userId }) => userId),
      slates.map(({ historyEnd }) => historyEnd),
      slates.map(({ occurredAtMs, modelVersion }) => occurredAtMs + (modelVersion === null ? 0 : mostAheadMs)),
      historyHorizon,
    ],
  )
  const histories = slates.map((): HistoryItem[] => [])
  for (const { place, features, ...entry } of rows) histories[place - 1]!.push({ ...entry, features: features ?? {} })
  return histories
}

function toExamples(
  slate: SlateRow,
  catalog: ReadonlyMap<number, FeatureValues>,
  history: readonly HistoryItem[],
  watermarkMs: number,
): SlateExamples {
  const { slateId, userId, occurredAtMs, context, user, userVersion, userTally, items, shown } = slate
  const featuresOf = (version: number | null) => (version === null ? {} : (catalog.get(version) ?? {}))
  return {
    slateId,
    input: {
      userId,
      occurredAtMs,
      user: { ...featuresOf(userVersion), ...user },
      context,
      history,
      userTally,
      candidates: items.map(({ itemId, features, version, tally, userItemTally }) => ({
        itemId,
        features: { ...featuresOf(version), ...features },
        tally,
        userItemTally,
      })),
    },
    impressions: shown.map(({ itemId, position, feedback }) => ({
      candidate: items.findIndex((item) => item.itemId === itemId),
      position,
      feedback,
    })),
    watermarkMs,
  }
}
