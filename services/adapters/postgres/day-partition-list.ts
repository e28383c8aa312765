import type { Sql } from './pool.ts'

const dayMs = 86_400_000

export interface DayPartition {
  readonly name: string
  readonly startMs: number
  readonly endMs: number
}

/** The days of receipt of which there is something, oldest first. */
export async function dayPartitions(sql: Sql): Promise<readonly DayPartition[]> {
  const { rows } = await sql.query<{ name: string }>(
    `select child.relname as name from pg_inherits
     join pg_class child on child.oid = inhrelid where inhparent = 'event_bodies'::regclass order by 1`,
  )
  return rows.map(({ name }) => {
    const startMs = Date.parse(name.replace(/^.*_(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3'))
    return { name, startMs, endMs: startMs + dayMs }
  })
}
