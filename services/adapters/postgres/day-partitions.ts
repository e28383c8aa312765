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
          for (const start of [today, today + dayMs]) {
            await sql.query(
              `create table if not exists ${partitionName(table, start)} partition of ${table}
               for values from (${start}) to (${start + dayMs})`,
            )
          }
          made.push(today)
        },
      })
      for (const day of made) known.add(day)
      return result
    },
  }
}
