/**
 * Rows of a comma-separated text with a header (RFC 4180: quotes around fields with commas, quotes or line ends), each
 * as a record by column name.
 */
export function* readCsv(text: string): Generator<Record<string, string>> {
  let header: readonly string[] | undefined
  for (let at = 0; at < text.length; ) {
    const { fields, next } = csvRowAt(text, at)
    at = next
    if (header === undefined) header = fields
    else yield csvRecord(header, fields)
  }
}

/** Missing cells are empty texts; cells beyond the header are left out. */
export function csvRecord(header: readonly string[], fields: readonly string[]): Record<string, string> {
  const row: Record<string, string> = {}
  for (let i = 0; i < header.length; i++) row[header[i]!] = fields[i] ?? ''
  return row
}

export interface CsvRow {
  readonly fields: string[]
  /** Where the next row starts. */
  readonly next: number
  /** False where the text ended before the row did: more of the text might go on with it. */
  readonly isWhole: boolean
}

/** The row that starts at `from`. */
export function csvRowAt(text: string, from: number): CsvRow {
  const fields: string[] = []
  for (let at = from; ; at++) {
    const [field, next] = text[at] === '"' ? quoted(text, at) : plain(text, at)
    fields.push(field)
    at = next
    if (text[at] === ',') continue
    // A line feed may follow a carriage return.
    const isWhole = at < text.length && !(text[at] === '\r' && at + 1 === text.length)
    if (text[at] === '\r' && text[at + 1] === '\n') at++
    return { fields, next: at + 1, isWhole }
  }
}

const [comma, lineFeed, carriageReturn] = [0x2c, 0x0a, 0x0d] as const

function plain(text: string, from: number): [string, number] {
  let to = from
  for (; to < text.length; to++) {
    const code = text.charCodeAt(to)
    if (code === comma || code === lineFeed || code === carriageReturn) break
  }
  return [text.slice(from, to), to]
}

/** What follows the closing quote belongs to the field. */
function quoted(text: string, from: number): [string, number] {
  let at = from + 1
  let field = ''
  for (;;) {
    const end = text.indexOf('"', at)
    if (end === -1) return [field + text.slice(at), text.length]
    field += text.slice(at, end)
    if (text[end + 1] !== '"') {
      const [rest, next] = plain(text, end + 1)
      return [field + rest, next]
    }
    field += '"'
    at = end + 2
  }
}
