import type { Expired } from '../../../pipelines/retention/ports.ts'
import type { Pool } from './pool.ts'

/** Rows a transaction: the embedded database stands still meanwhile. */
export const batchRows = 5_000

const hourMs = 3_600_000

/** Does it until a batch is not full; returns how many rows there were. */
export async function inBatches(work: () => Promise<number>): Promise<number> {
  for (let rows = 0; ; ) {
    const batch = await work()
    rows += batch
    if (batch < batchRows) return rows
  }
}

export interface Sweep {
  readonly table: string
  /** The column of the moment by which rows are old. */
  readonly moment: string
  /** Which of `table t` go, with `values` from $3 on, among those of a moment from $1 until before $2. */
  readonly condition: string
  readonly values?: readonly unknown[]
  readonly fromMs?: number
  readonly beforeMs: number
  /** What has to go before the rows of an hour do, and those that stay all the same. */
  first?(fromMs: number, beforeMs: number): Promise<void>
  readonly unless?: string
}

/**
 * Deletes rows hour by hour and in batches, so that none of the statements looks at more than it deletes by much: tables
 * know by ranges of pages which hours are where. Returns how many went, or would go.
 */
export async function sweep(
  pool: Pool,
  { table, moment, condition, values = [], fromMs = Number.MIN_SAFE_INTEGER, beforeMs, first, unless = 'false' }: Sweep,
  isDryRun: boolean,
): Promise<number> {
  const of = `from ${table} t where ${moment} >= $1 and ${moment} < $2 and ${condition}`
  const { rows: hours } = await pool.query<{ hour: number; rows: number }>(
    `select floor(${moment} / ${hourMs}.0)::bigint as hour, count(*) as rows ${of} group by 1 order by 1`,
    [fromMs, beforeMs, ...values],
  )
  if (isDryRun) return hours.reduce((sum, { rows }) => sum + rows, 0)
  let gone = 0
  for (const { hour } of hours) {
    const range = [Math.max(fromMs, hour * hourMs), Math.min(beforeMs, (hour + 1) * hourMs)] as const
    await first?.(...range)
    gone += await inBatches(async () => {
      const { rowCount } = await pool.query(
        `delete from ${table} where ctid = any(array(select ctid ${of} and not (${unless}) limit ${batchRows}))`,
        [...range, ...values],
      )
      return rowCount
    })
  }
  return gone
}

/** The oldest moment from `fromMs` on, looked for in ranges that grow; null where there is none up to `untilMs`. */
export async function oldestFrom(
  pool: Pool,
  { table, moment }: Pick<Sweep, 'table' | 'moment'>,
  fromMs: number,
  untilMs: number,
): Promise<number | null> {
  let [startMs, widthMs] = [fromMs, 24 * hourMs]
  while (startMs <= untilMs) {
    const { rows } = await pool.query<{ oldest: number | null }>(
      `select min(${moment}) as oldest from ${table} where ${moment} >= $1 and ${moment} < $2`,
      [startMs, startMs + widthMs],
    )
    if (rows[0]!.oldest !== null) return rows[0]!.oldest
    startMs += widthMs
    widthMs *= 2
  }
  return null
}

export const expired = (table: string, rows: number, oldestKeptMs: number | null, heldDays: readonly string[] = []) =>
  ({ table, rows, oldestKeptMs, heldDays }) satisfies Expired
