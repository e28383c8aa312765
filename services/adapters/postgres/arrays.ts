/**
 * Columns of a batch as PostgreSQL's binary arrays, for `unnest`. The client's own arrays are texts in quotes with every
 * quote of JSON escaped: written, read and stored, a batch of events takes twice as long in them.
 */

import type { Sql } from './pool.ts'

const header = 20
const oids = { text: 25, int8: 20 }

function begin(length: number, bytes: number, oid: number, hasNulls: boolean): Buffer {
  const array = Buffer.allocUnsafe(header + bytes)
  array.writeInt32BE(length === 0 ? 0 : 1, 0)
  array.writeInt32BE(hasNulls ? 1 : 0, 4)
  array.writeInt32BE(oid, 8)
  if (length === 0) return array.subarray(0, 12)
  array.writeInt32BE(length, 12)
  // Of the first element.
  array.writeInt32BE(1, 16)
  return array
}

/** A `text[]`; JSON too, cast where it is stored. */
export function textArray(values: readonly (string | null)[]): Buffer {
  let [most, hasNulls] = [0, false]
  for (const value of values) {
    // At most three bytes for each of a text's UTF-16 units.
    most += 4 + (value === null ? 0 : value.length * 3)
    hasNulls ||= value === null
  }
  const array = begin(values.length, most, oids.text, hasNulls)
  let at = header
  for (const value of values) {
    const size = value === null ? -1 : array.write(value, at + 4)
    array.writeInt32BE(size, at)
    at += 4 + Math.max(0, size)
  }
  return values.length === 0 ? array : array.subarray(0, at)
}

/** A `bigint[]`; numbers MUST be whole. */
export function bigintArray(values: readonly (number | bigint | null)[]): Buffer {
  const array = begin(values.length, values.length * 12, oids.int8, values.includes(null))
  let at = header
  for (const value of values) {
    array.writeInt32BE(value === null ? -1 : 8, at)
    at += 4
    if (value === null) continue
    array.writeBigInt64BE(BigInt(value), at)
    at += 8
  }
  return values.length === 0 ? array : array.subarray(0, at)
}

/** A column of a batch of rows: what it holds for each row, and the type that is bound. */
export interface Column<Row> {
  readonly bind: (rows: readonly Row[]) => Buffer
  readonly type: 'text' | 'bigint'
  /** Of the table's column, where it is another. */
  readonly cast?: 'int' | 'json'
}

export const text = <Row>(of: (row: Row) => string | null): Column<Row> => ({
  type: 'text',
  bind: (rows) => textArray(rows.map(of)),
})
export const bigint = <Row>(of: (row: Row) => number | null): Column<Row> => ({
  type: 'bigint',
  bind: (rows) => bigintArray(rows.map(of)),
})
export const int = <Row>(of: (row: Row) => number | null): Column<Row> => ({ ...bigint(of), cast: 'int' })
export const json = <Row>(of: (row: Row) => unknown): Column<Row> => ({
  ...text((row: Row) => {
    const value = of(row)
    return value === null ? null : JSON.stringify(value)
  }),
  cast: 'json',
})

/** `columns` by their names in `table`; `onConflict` is the rest of the statement. Nothing where there are no rows. */
export async function insertRows<Row>(
  sql: Sql,
  table: string,
  rows: readonly Row[],
  columns: Readonly<Record<string, Column<Row>>>,
  onConflict = '',
): Promise<void> {
  if (rows.length === 0) return
  const names = Object.keys(columns)
  const all = Object.values(columns)
  await sql.query(
    `insert into ${table} (${names.join(', ')})
     select ${names.map((name, i) => (all[i]!.cast === undefined ? name : `${name}::${all[i]!.cast}`)).join(', ')}
     from unnest(${all.map(({ type }, i) => `$${i + 1}::${type}[]`).join(', ')}) as given (${names.join(', ')})
     ${onConflict}`,
    all.map(({ bind }) => bind(rows)),
  )
}
