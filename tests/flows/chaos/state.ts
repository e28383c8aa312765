import { createHash } from 'node:crypto'
import type { Pool } from '../../../services/adapters/postgres/pool.ts'

type Row = Record<string, unknown>

/**
 * All that the flows have made of what came in, without what may differ between two runs on the same input: moments of
 * receipt, and numbers that the database deals out (versions of the catalogue stand as what they are versions of).
 */
export async function stateOf(pool: Pool): Promise<Readonly<Record<string, readonly string[]>>> {
  const read = async (text: string) => (await pool.query<Row>(text)).rows
  const catalog = await read('select version, kind, id, occurred_at_ms, features, deleted from catalog_versions')
  const contents = new Map(catalog.map(({ version, ...content }) => [version, content]))
  // Of one moment, the newest counts: an earlier one that nobody refers to is told by its content as well.
  const contentOf = (version: unknown) => (version === null ? null : (contents.get(version) ?? 'lost'))
  const slates = (await read('select * from slates')).map(({ user_version, items, ...slate }) => ({
    ...slate,
    user: contentOf(user_version),
    items: (items as Row[]).map(({ version, ...item }) => ({ ...item, known: contentOf(version) })),
  }))
  const history = (await read('select * from history')).map(({ item_version, ...entry }) => ({
    ...entry,
    known: contentOf(item_version),
  }))
  return Object.fromEntries(
    Object.entries({
      events: await read(
        `select e.event_id, e.digest::text as digest, e.type, e.source, e.occurred_at_ms, b.body
         from events e left join event_bodies b using (received_at_ms, event_id)`,
      ),
      catalog: [...contents.values()],
      slates,
      history,
      examples: await read('select * from examples'),
      tallies: await read('select * from tallies'),
      orphans: await read('select * from orphans'),
      pending: await read('select * from pending'),
      letters: await read(
        `select event_id, encode(payload, 'hex') as payload, code, path, topic, partition, record_offset, attempts, resolution
         from dead_letters`,
      ),
      sources: await read('select name, joined_to_ms, late from sources'),
      positions: await read('select topic, partition, next_offset from positions'),
    }).map(([table, rows]) => [table, rows.map((row) => JSON.stringify(sorted(row))).sort()]),
  )
}

/** One line a table, to compare and to read. */
export const digestOf = (state: Awaited<ReturnType<typeof stateOf>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(state).map(([table, rows]) => [
      table,
      `${rows.length} rows ${createHash('sha256').update(rows.join('\n')).digest('hex').slice(0, 16)}`,
    ]),
  )

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)]),
  )
}
