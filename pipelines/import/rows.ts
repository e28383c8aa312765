import { Fault } from '../../models/spec/fault.ts'
import { csvRecord, csvRowAt } from '../datasets/csv.ts'
import type { FileRecord } from './import.ts'
import { eventOf, type Mapping, type Row } from './mapping.ts'

/** One that is longer is no row: a quote is not closed. */
const longestRow = 16 * 2 ** 20
const lineFeed = 10

/**
 * Events of a CSV file, as it comes in chunks of bytes. A row that is no UTF-8 goes on as it is, to be set aside. Faults
 * `IMPORT_COLUMN_UNKNOWN` and `IMPORT_ROW_TOO_LONG`.
 */
export async function* csvRecords(
  chunks: AsyncIterable<Uint8Array>,
  source: string,
  mapping: Mapping,
): AsyncGenerator<FileRecord> {
  let header: readonly string[] | null = null
  let row = 0
  for await (const { fields, raw } of csvRows(chunks)) {
    const texts = decoded(fields)
    if (header === null) {
      header = columnsOf(texts ?? fields, mapping)
    } else if (fields.length > 1 || fields[0] !== '') {
      row++
      const bytes =
        texts === null ? Buffer.from(raw, 'latin1') : encode(eventOf(csvRecord(header, texts), row, source, mapping))
      yield { bytes, row }
    }
  }
}

/** One character a byte, so that a chunk may end anywhere and nothing is lost that is no UTF-8. */
async function* csvRows(chunks: AsyncIterable<Uint8Array>) {
  let text = ''
  for await (const chunk of chunks) {
    text += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
    let at = 0
    while (at < text.length) {
      const { fields, next, isWhole } = csvRowAt(text, at)
      if (!isWhole) break
      yield { fields, raw: withoutLineEnd(text.slice(at, next)) }
      at = next
    }
    text = text.slice(at)
    if (text.length > longestRow) {
      throw new Fault('IMPORT_ROW_TOO_LONG', 'A row is longer than 16 MB: see whether a quote is not closed.')
    }
  }
  for (let at = 0; at < text.length; ) {
    const { fields, next } = csvRowAt(text, at)
    yield { fields, raw: withoutLineEnd(text.slice(at, next)) }
    at = next
  }
}

const withoutLineEnd = (row: string) => row.replace(/[\r\n]+$/, '')

const beyondAscii = /[\x80-\xff]/

/** Null where one of them is no UTF-8. */
function decoded(fields: readonly string[]): string[] | null {
  try {
    return fields.map((field) =>
      beyondAscii.test(field)
        ? new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(field, 'latin1'))
        : field,
    )
  } catch {
    return null
  }
}

function columnsOf(header: readonly string[], mapping: Mapping): readonly string[] {
  const names = header.map((name, i) => (i === 0 ? name.replace(/^\ufeff/, '') : name))
  checkColumns(names, mapping)
  return names
}

/** Fault `IMPORT_COLUMN_UNKNOWN`. */
export function checkColumns(names: readonly string[], { columns }: Mapping): void {
  const stranger = columns.find(({ column }) => !names.includes(column))
  if (stranger === undefined) return
  throw new Fault(
    'IMPORT_COLUMN_UNKNOWN',
    `The file has no column "${stranger.column}"; it has ${names.map((name) => `"${name}"`).join(', ')}.`,
    { path: stranger.column },
  )
}

/** Events of rows that are read already. */
export async function* rowRecords(
  rows: AsyncIterable<Row>,
  source: string,
  mapping: Mapping,
): AsyncGenerator<FileRecord> {
  let number = 0
  for await (const row of rows) yield { bytes: encode(eventOf(row, ++number, source, mapping)), row: number }
}

/** Events, one a line; the row counts blank lines, too. */
export async function* lineRecords(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<FileRecord> {
  let row = 0
  let begun: Uint8Array[] = []
  const line = (rest: Uint8Array): FileRecord | null => {
    const bytes = begun.length === 0 ? Uint8Array.from(rest) : Uint8Array.from(Buffer.concat([...begun, rest]))
    begun = []
    row++
    return bytes.every((byte) => byte === 32 || byte === 9 || byte === 13) ? null : { bytes, row }
  }
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, from)) {
      const whole = line(chunk.subarray(from, end))
      if (whole !== null) yield whole
      from = end + 1
    }
    if (from < chunk.length) begun.push(chunk.subarray(from))
  }
  const last = begun.length === 0 ? null : line(new Uint8Array(0))
  if (last !== null) yield last
}

const encode = (event: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(event))
