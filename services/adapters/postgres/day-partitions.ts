import type { Sql } from './pool.ts'

/** The days of a table partitioned by a moment in ms, within one transaction. */
export interface DayPartitions {
  /** Makes the partition of the day of `atMs`, and the next one, where they are missing. */
  ensure(sql: Sql, atMs: number): Promise<void>
}

const dayMs = 86_400_000
/** Any number that nothing else locks in the same database, as in `migrate.ts`. */
const lockKey = 0x64617973

export const dayStart = (atMs: number): number => Math.floor(atMs / dayMs) * dayMs
export const partitionName = (table: string, startMs: number): string =>
  `${table}_${new Date(startMs).toISOString().slice(0, 10).replaceAll('-', '')}`

/** Remembers which days of `table` are known to be there, once the transaction that made them has ended well. */
export function createDayPartitions(table: string) {
  const known = new Set<number>()
  return {
    async during<Result>(work: (days: DayPartitions) => Promise<Result>): Promise<Result> {
      const made: number[] = []
      const result = await work({
        async ensure(sql, atMs) {
          const today = dayStart(atMs)
          if (known.has(today)) return
          await sql.query('select pg_advisory_xact_lock($1)', [lockKey])
          for (const start of [today, today + dayMs]) await make(sql, table, start)
          made.push(today)
        },
      })
      for (const day of made) known.add(day)
      return result
    },
  }
}

/**
 * Attached when it is made, for which nobody who reads or writes the table has to wait: `create table ... partition of`
 * would stand behind a long read, such as a backup, and everybody else behind it.
 */
async function make(sql: Sql, table: string, startMs: number): Promise<void> {
  const partition = partitionName(table, startMs)
  const { rows } = await sql.query<{ isThere: boolean }>('select to_regclass($1) is not null as "isThere"', [partition])
  if (rows[0]!.isThere) return
  await sql.query(`create table ${partition} (like ${table} including all)`)
  // The one thing that "including all" leaves out; see the table's migration.
  await sql.query(`alter table ${partition} alter column body set statistics 0`)
  await sql.query(
    `alter table ${table} attach partition ${partition} for values from (${startMs}) to (${startMs + dayMs})`,
  )
}
