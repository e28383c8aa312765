/**
 * Rows of a comma-separated text with a header (RFC 4180: quotes around fields with commas, quotes or line ends), each
 * as a record by column name.
 */
export function* readCsv(text: string): Generator<Record<string, string>> {
  const rows = fieldsOf(text)
  const header = rows.next().value as string[] | undefined
  if (header === undefined) return
  for (const fields of rows) {
    const row: Record<string, string> = {}
    for (let i = 0; i < header.length; i++) row[header[i]!] = fields[i] ?? ''
    yield row
  }
}

function* fieldsOf(text: string): Generator<string[]> {
  let at = 0
  while (at < text.length) {
    const fields: string[] = []
    for (;;) {
      const [field, next] = text[at] === '"' ? quoted(text, at) : plain(text, at)
      fields.push(field)
      at = next
      if (text[at] !== ',') break
      at++
    }
    if (text[at] === '\r') at++
    at++
    yield fields
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

function quoted(text: string, from: number): [string, number] {
  let at = from + 1
  let field = ''
  for (;;) {
    const end = text.indexOf('"', at)
    if (end === -1) return [field + text.slice(at), text.length]
    field += text.slice(at, end)
    if (text[end + 1] !== '"') return [field, end + 1]
    field += '"'
    at = end + 2
  }
}
