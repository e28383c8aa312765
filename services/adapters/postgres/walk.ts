import type { Sql } from './pool.ts'

/** 8 kB each. */
const pages = 2_048

/**
 * Ranges of row places (from <= ctid < to) that cover a table as it is now, for statements that look at all of it a piece at
 * a time. Rows that are only ever inserted keep their places; what comes meanwhile may be missed.
 */
export async function pageRanges(sql: Sql, table: string): Promise<readonly (readonly [string, string])[]> {
  const { rows } = await sql.query<{ pages: number }>(
    `select pg_relation_size($1::regclass) / current_setting('block_size')::bigint as pages`,
    [table],
  )
  const count = Math.ceil(rows[0]!.pages / pages)
  return Array.from({ length: count }, (_, i) => [`(${i * pages},0)`, `(${(i + 1) * pages},0)`] as const)
}
