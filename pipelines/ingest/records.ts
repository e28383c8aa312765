import { Fault } from '../../models/spec/fault.ts'
import type { RawRecord } from './ingest.ts'

/** More in one request would hold the database too long. */
export const mostRecords = 10_000

/**
 * One event, or an array of them. Faults `REQUEST_JSON_INVALID` (nothing of it can be told apart) and
 * `EVENTS_TOO_MANY`.
 */
export function jsonRecords(body: Uint8Array): RawRecord[] {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    throw new Fault(
      'REQUEST_JSON_INVALID',
      `The body is not JSON in UTF-8 (${(cause as Error).message}); nothing of it was taken. Correct it, or send one event a line as application/x-ndjson, where a bad line spoils no other.`,
      { status: 400, cause },
    )
  }
  if (!Array.isArray(value)) return [{ bytes: body, path: '' }]
  refuseMany(value.length)
  return value.length === 0 ? [] : entriesOf(body).map((bytes, i) => ({ bytes, path: `/${i}` }))
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d]

/** The bytes of each entry as they came, of a body that is a JSON array and not empty. */
function entriesOf(body: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = []
  let [depth, from] = [0, 0]
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]!
    if (byte === quote) at = textEnd(body, at)
    else if (byte === openArray || byte === openObject) {
      if (++depth === 1) from = at + 1
    } else if (byte === closeArray || byte === closeObject) {
      if (--depth === 0) entries.push(body.subarray(from, at))
    } else if (byte === comma && depth === 1) {
      entries.push(body.subarray(from, at))
      from = at + 1
    }
  }
  return entries
}

/** Where the text ends that starts at `from`: at the next quote that no backslash escapes. */
function textEnd(body: Uint8Array, from: number): number {
  for (let end = body.indexOf(quote, from + 1); ; end = body.indexOf(quote, end + 1)) {
    let before = end - 1
    while (body[before] === backslash) before--
    if ((end - before) % 2 === 1) return end
  }
}

const lineFeed = 10

/** One event a line, empty lines aside; paths count the events from 0. Fault `EVENTS_TOO_MANY`. */
export function ndjsonRecords(body: Uint8Array): RawRecord[] {
  const records: RawRecord[] = []
  for (let from = 0; from < body.length; ) {
    const end = body.indexOf(lineFeed, from)
    const line = body.subarray(from, end === -1 ? body.length : end)
    if (line.some((byte) => !isBlank(byte))) records.push({ bytes: line, path: `/${records.length}` })
    from += line.length + 1
  }
  refuseMany(records.length)
  return records
}

const isBlank = (byte: number) => byte === 32 || byte === 9 || byte === 13

function refuseMany(count: number): void {
  if (count <= mostRecords) return
  throw new Fault('EVENTS_TOO_MANY', `${count} events in one request; send at most ${mostRecords} at a time.`, {
    status: 413,
  })
}
