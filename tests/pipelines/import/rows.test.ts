import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readCsv } from '../../../pipelines/datasets/csv.ts'
import type { FileRecord } from '../../../pipelines/import/import.ts'
import { readMapping } from '../../../pipelines/import/mapping.ts'
import { csvRecords, lineRecords, rowRecords } from '../../../pipelines/import/rows.ts'

const mapping = readMapping('item', ['id=itemId', 'text=features.text'], [])
async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
const all = async (records: AsyncIterable<FileRecord>) => {
  const found: FileRecord[] = []
  for await (const each of records) found.push(each)
  return found
}
const csv = (bytes: Uint8Array, size = 1_000) => all(csvRecords(chunksOf(bytes, size), 's', mapping))
const texts = (records: readonly FileRecord[]) =>
  records.map(({ bytes, row }) => {
    const { itemId, features } = JSON.parse(Buffer.from(bytes).toString('utf8'))
    return [row, itemId, features?.text]
  })

test('each row of a CSV file is an event, whatever bytes its chunks end at', async () => {
  const bytes = Buffer.from('\ufeffid,other,text\r\n1,x,"a, ""b""\r\nc"\r\n\r\n2,,\u{1f600}\r\n3,,', 'utf8')

  for (let size = 1; size <= bytes.length; size++) {
    assert.deepEqual(
      texts(await csv(bytes, size)),
      [
        [1, '1', 'a, "b"\r\nc'],
        [2, '2', '\u{1f600}'],
        [3, '3', undefined],
      ],
      `chunks of ${size}`,
    )
  }
})

test('in chunks of any size the rows are those of the whole text', async () => {
  const cell = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', 'é') })
  await fc.assert(
    fc.asyncProperty(cell, fc.integer({ min: 1, max: 9 }), async (body, size) => {
      const text = `id,text\n${body}`

      const wanted = [...readCsv(text)].filter(({ id, text: other }) => id !== '' || other !== '')

      assert.deepEqual(
        texts(await csv(Buffer.from(text, 'utf8'), size))
          .map(([, id = '', other = '']) => [id, other])
          .filter(([id, other]) => id !== '' || other !== ''),
        wanted.map(({ id, text: other }) => [id, other]),
      )
    }),
    { numRuns: 500 },
  )
})

test('a row that is no UTF-8 goes on as its bytes, and spoils no other', async () => {
  const bytes = Buffer.concat([Buffer.from('id,text\n1,a\n2,'), Buffer.of(0xff, 0x62), Buffer.from('\r\n3,c\n')])

  const [first, second, third] = await csv(bytes, 3)

  assert.deepEqual(Buffer.from(second!.bytes), Buffer.concat([Buffer.from('2,'), Buffer.of(0xff, 0x62)]))
  assert.deepEqual(texts([first!, third!]), [
    [1, '1', 'a'],
    [3, '3', 'c'],
  ])
})

test('a column that the file lacks is named before any row is read, beside those that it has', async () => {
  await assert.rejects(csv(Buffer.from('id,txet\n1,a\n')), {
    code: 'IMPORT_COLUMN_UNKNOWN',
    path: 'text',
    message: 'The file has no column "text"; it has "id", "txet".',
  })
})

test('a quote that is never closed ends the import before it fills the memory', async () => {
  const row = Buffer.from(`id,text\n1,"${'a'.repeat(2 ** 24)}`)

  await assert.rejects(csv(row, 2 ** 22), { code: 'IMPORT_ROW_TOO_LONG' })
})

test('an empty file and a header alone have no rows', async () => {
  assert.deepEqual(await csv(Buffer.from('')), [])
  assert.deepEqual(await csv(Buffer.from('id,text')), [])
})

test('lines keep their bytes and their numbers, blank ones aside', async () => {
  const bytes = Buffer.concat([Buffer.from('{"a":1}\r\n\n \t\n'), Buffer.of(0xff, 0x00), Buffer.from('\nlast')])

  for (let size = 1; size <= bytes.length; size++) {
    assert.deepEqual(
      (await all(lineRecords(chunksOf(bytes, size)))).map((line) => [
        line.row,
        Buffer.from(line.bytes).toString('latin1'),
      ]),
      [
        [1, '{"a":1}\r'],
        [4, '\u00ff\u0000'],
        [5, 'last'],
      ],
      `chunks of ${size}`,
    )
  }
})

test('rows that were read elsewhere are numbered from one', async () => {
  async function* rows() {
    yield { id: 1n, text: 'a' }
    yield { id: 2n, text: null }
  }

  assert.deepEqual(texts(await all(rowRecords(rows(), 's', mapping))), [
    [1, '1', 'a'],
    [2, '2', undefined],
  ])
})
