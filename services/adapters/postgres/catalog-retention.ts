import type { Expired, KeptTime } from '../../../pipelines/retention/ports.ts'
import type { Pool } from './pool.ts'
import { batchRows, expired } from './sweep.ts'
import { pageRanges } from './walk.ts'

/** Versions looked at in one run; the next one goes on. */
const mostVersions = 50_000

/**
 * Lets go of versions that another one followed before the time that any clock keeps. What joined slates and histories
 * refer to is looked up in them, a piece at a time: a version may have come after slates that it would have been newest for.
 */
export async function expireCatalog(pool: Pool, kept: readonly KeptTime[], isDryRun: boolean): Promise<Expired> {
  const { rows: followed } = await pool.query<{ version: number }>(
    // Known from its own moment until before that of the next.
    `select version from (
       select version, occurred_at_ms as from_ms,
         lead(occurred_at_ms) over (partition by kind, id order by occurred_at_ms, version) as until_ms
       from catalog_versions
     ) v where until_ms is not null and not exists (
       select from unnest($1::bigint[], $2::bigint[]) as kept (from_ms, to_ms)
       where v.until_ms > kept.from_ms and v.from_ms <= kept.to_ms
     ) order by version limit ${mostVersions}`,
    [kept.map(({ fromMs }) => fromMs), kept.map(({ toMs }) => toMs)],
  )
  const candidates = kept.length === 0 ? [] : followed.map(({ version }) => version)
  const used = await usedOf(pool, candidates)
  const versions = candidates.filter((version) => !used.has(version))
  if (!isDryRun) {
    for (let start = 0; start < versions.length; start += batchRows) {
      const batch = versions.slice(start, start + batchRows)
      await pool.query('delete from catalog_versions where version = any($1::bigint[])', [batch])
    }
  }
  const { rows } = await pool.query<{ oldest: number | null }>(
    'select min(occurred_at_ms) as oldest from catalog_versions where version <> all($1::bigint[])',
    [isDryRun ? versions : []],
  )
  return expired('catalog_versions', versions.length, rows[0]!.oldest)
}

/** Those among these versions that a slate or a history refers to. */
async function usedOf(pool: Pool, versions: readonly number[]): Promise<ReadonlySet<number>> {
  const used = new Set<number>()
  if (versions.length === 0) return used
  for (const [table, references] of [
    [
      'slates',
      `select t.user_version as version union all
       select (item->>'version')::bigint from json_array_elements(t.items) item`,
    ],
    ['history', 'select t.item_version as version'],
  ] as const) {
    for (const range of await pageRanges(pool, table)) {
      const { rows } = await pool.query<{ version: number }>(
        `select distinct version from ${table} t cross join lateral (${references}) reference
         where t.ctid >= $1::tid and t.ctid < $2::tid and version = any($3::bigint[])`,
        [...range, versions],
      )
      for (const { version } of rows) used.add(version)
    }
  }
  return used
}
