import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  bigint,
  bigintArray,
  insertRows,
  int,
  json,
  text,
  textArray,
} from '../../../../services/adapters/postgres/arrays.ts'
import { onEachDatabase } from '../../../contracts/databases.ts'

// What `text` cannot hold, no event may have: see the events' schema.
const storable = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\u0000'))
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { freq: 3 })

onEachDatabase('a batch in columns', (connect) => {
  test('texts and numbers arrive as they were given, in order, nulls and none at all too', async () => {
    const pool = await connect()
    const rows = fc.array(fc.tuple(optional(storable), optional(fc.maxSafeInteger())))

    await fc.assert(
      fc.asyncProperty(rows, async (given) => {
        const { rows: read } = await pool.query<{ text: string | null; number: number | null }>(
          'select * from unnest($1::text[], $2::bigint[]) as given (text, number)',
          [textArray(given.map(([each]) => each)), bigintArray(given.map(([, each]) => each))],
        )
        assert.deepEqual(
          read.map(({ text, number }) => [text, number]),
          given,
        )
      }),
      { numRuns: 60 },
    )
  })

  test('numbers up to 64 bits arrive', async () => {
    const pool = await connect()
    const given = [-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n]

    const { rows } = await pool.query<{ number: string }>('select number::text from unnest($1::bigint[]) number', [
      bigintArray(given),
    ])

    assert.deepEqual(
      rows.map(({ number }) => BigInt(number)),
      given,
    )
  })

  test('rows go into the columns that are named, and a conflict is met as said', async () => {
    const pool = await connect()
    await pool.query('create table batch (id text primary key, at_ms bigint, place int, body json)')
    interface Row {
      id: string
      atMs: number
      place: number
      body: unknown
    }
    const rows: readonly Row[] = [
      { id: '"a", {b}\\', atMs: 1, place: 2, body: { 'é"': [null, '\\'] } },
      { id: 'c', atMs: -1, place: 0, body: null },
    ]
    const columns = {
      id: text<Row>(({ id }) => id),
      at_ms: bigint<Row>(({ atMs }) => atMs),
      place: int<Row>(({ place }) => place),
      body: json<Row>(({ body }) => body),
    }

    await insertRows(pool, 'batch', [], columns)
    await insertRows(pool, 'batch', rows, columns)
    const changed = [{ ...rows[1]!, place: 9 }]
    await insertRows(pool, 'batch', changed, columns, 'on conflict (id) do update set place = excluded.place')

    const { rows: read } = await pool.query('select id, at_ms as "atMs", place, body from batch order by at_ms desc')
    assert.deepEqual(read, [rows[0], changed[0]])
    await assert.rejects(insertRows(pool, 'batch', rows, columns), { code: 'STORAGE_FAILED', message: /duplicate key/ })
    await pool.query('drop table batch')
  })
})
