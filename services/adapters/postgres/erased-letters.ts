import { mentions } from '../../../pipelines/retention/mentions.ts'
import type { Pool } from './pool.ts'

interface LetterRow {
  readonly id: number
  readonly told: string
  readonly sizeBytes: number
}

const mostBytes = 16 * 2 ** 20
const pageRows = 500

/** Dead letters that hold the id, in what came or in what is told of it. */
export async function lettersOf(pool: Pool, userId: string): Promise<readonly number[]> {
  const found: number[] = []
  const isIn = (text: Uint8Array) => mentions(text, userId)
  for (let last = 0; ; ) {
    const { rows } = await pool.query<LetterRow & { [column: string]: unknown }>(
      `select id, concat_ws(E'\\n', event_id, path, message) as told, octet_length(payload) as "sizeBytes"
       from dead_letters where id > $1 order by id limit ${pageRows}`,
      [last],
    )
    if (rows.length === 0) return found
    last = rows.at(-1)!.id
    for (const ids of bySize(rows)) {
      const { rows: payloads } = await pool.query<{ id: number; payload: Uint8Array }>(
        'select id, payload from dead_letters where id = any($1::bigint[])',
        [ids],
      )
      const payloadOf = new Map(payloads.map(({ id, payload }) => [id, payload]))
      for (const { id, told } of rows.filter((row) => ids.includes(row.id)))
        if (isIn(Buffer.from(told)) || isIn(payloadOf.get(id) ?? new Uint8Array())) found.push(id)
    }
  }
}

/** Ids in groups, none of which is much to hold. */
function bySize(rows: readonly LetterRow[]): readonly number[][] {
  const groups: number[][] = [[]]
  let bytes = 0
  for (const { id, sizeBytes } of rows) {
    if (bytes + sizeBytes > mostBytes) {
      groups.push([])
      bytes = 0
    }
    groups.at(-1)!.push(id)
    bytes += sizeBytes
  }
  return groups
}

/** Of one that stands in a partition or a file, its place and digest stay: it is not set aside again when it is read again. */
export async function eraseLetters(pool: Pool, ids: readonly number[], nowMs: number): Promise<void> {
  await pool.query('delete from dead_letters where id = any($1::bigint[]) and topic is null', [ids])
  await pool.query(
    `update dead_letters set event_id = null, payload = '', path = '', message = 'The data of this user was erased.',
       resolution = coalesce(resolution, 'dropped'), resolved_at_ms = coalesce(resolved_at_ms, $2)
     where id = any($1::bigint[])`,
    [ids, nowMs],
  )
}
