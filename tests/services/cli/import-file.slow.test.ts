import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { readMapping } from '../../../pipelines/import/mapping.ts'
import { type Format, formatOf, openFile } from '../../../services/cli/import-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'polyrank-import-'))
after(() => rmSync(folder, { recursive: true }))
const fileOf = (name: string, content: string | Uint8Array) => {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}
const mapping = readMapping(
  'feedback',
  ['user=userId', 'item=itemId', 'at=occurredAt', 'value=value'],
  ['kind=k'],
  'ms',
)
const eventsOf = async (file: string, format: Format) => {
  const { records, progress } = await openFile(file, format, 's', format === 'ndjson' ? null : mapping)
  const events: unknown[] = []
  for await (const { bytes } of records) events.push(JSON.parse(Buffer.from(bytes).toString('utf8')))
  return { events, progress: progress() }
}
const eventAt = (row: number) => ({
  type: 'feedback',
  eventId: `s-feedback-${row}`,
  kind: 'k',
  userId: `${row}`,
  itemId: `i${row}`,
  occurredAt: new Date(row).toISOString(),
  value: row / 2,
})
const rows = Array.from({ length: 250 }, (_, i) => i + 1)
const csv = `user,item,at,value\n${rows.map((row) => `${row},i${row},${row},${row / 2}`).join('\n')}`
const parquet = (codec: 'SNAPPY' | 'UNCOMPRESSED') =>
  new Uint8Array(
    parquetWriteBuffer({
      codec,
      rowGroupSize: 100,
      columnData: [
        { name: 'unused', data: rows.map(String), type: 'STRING' },
        { name: 'user', data: rows.map(BigInt), type: 'INT64' },
        { name: 'item', data: rows.map((row) => `i${row}`), type: 'STRING' },
        { name: 'at', data: rows.map((row) => new Date(row)), type: 'TIMESTAMP' },
        { name: 'value', data: rows.map((row) => row / 2), type: 'DOUBLE' },
      ],
    }),
  )

test('the same rows are the same events as CSV, packed or not, and as Parquet', async () => {
  const wanted = rows.map(eventAt)

  for (const [name, content, format] of [
    ['rows.csv', csv, 'csv'],
    ['rows.csv.gz', gzipSync(csv), 'csv'],
    ['rows.parquet', parquet('SNAPPY'), 'parquet'],
    ['plain.parquet', parquet('UNCOMPRESSED'), 'parquet'],
    ['rows.ndjson', wanted.map((event) => JSON.stringify(event)).join('\n'), 'ndjson'],
  ] as const) {
    const { events, progress } = await eventsOf(fileOf(name, content), format)

    assert.deepEqual(events, wanted, name)
    assert.equal(progress.done, progress.of, name)
    assert.equal(formatOf(name), format)
  }
})

test('the format is told by the ending of the name, or not at all', () => {
  assert.deepEqual(['a.JSONL', 'a.ndjson.gz', 'a.b.csv', 'a.txt', 'csv', 'a.gz'].map(formatOf), [
    'ndjson',
    'ndjson',
    'csv',
    null,
    null,
    null,
  ])
})

test('a file that is missing, cut off or something else is a fault that names it', async () => {
  const whole = parquet('SNAPPY')
  for (const [name, content, format] of [
    ['cut.csv.gz', gzipSync(csv).subarray(0, 200), 'csv'],
    ['text.csv.gz', csv, 'csv'],
    ['cut.parquet', whole.subarray(0, whole.length - 9), 'parquet'],
    ['text.parquet', csv, 'parquet'],
    ['spoilt.parquet', whole.map((byte, i) => (i > 4 && i < 4_000 ? 0xff : byte)), 'parquet'],
  ] as const) {
    const fault = { code: 'FILE_UNREADABLE', message: new RegExp(name) }
    await assert.rejects(eventsOf(fileOf(name, content), format), fault, name)
  }
  for (const format of ['csv', 'ndjson', 'parquet'] as const)
    await assert.rejects(eventsOf(join(folder, 'none'), format), { code: 'FILE_UNREADABLE', message: /none/ })
})

test('a column that a Parquet file lacks is named before anything is read', async () => {
  const file = fileOf(
    'few.parquet',
    new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'user', data: ['u'] }] })),
  )

  await assert.rejects(openFile(file, 'parquet', 's', mapping), {
    code: 'IMPORT_COLUMN_UNKNOWN',
    message: 'The file has no column "item"; it has "user".',
  })
})
