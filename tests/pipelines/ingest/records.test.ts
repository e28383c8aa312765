import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RawRecord } from '../../../pipelines/ingest/ingest.ts'
import { jsonRecords, mostRecords, ndjsonRecords } from '../../../pipelines/ingest/records.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)
const textsOf = (records: readonly RawRecord[]) =>
  records.map(({ bytes, path }) => [path, new TextDecoder().decode(bytes)])

test('a JSON value that is no array is one record, byte for byte', () => {
  const body = bytesOf(' {"a": [1, 2]}\n')

  assert.deepEqual(jsonRecords(body), [{ bytes: body, path: '' }])
  assert.deepEqual(textsOf(jsonRecords(bytesOf('7'))), [['', '7']])
})

test('an array is one record an entry, each with the bytes that came, though a parser would change them', () => {
  const body = bytesOf('\ufeff [ {"a": 1e400, "a": [1,{"b":"],\\"}\\\\"}]} ,-0,"[é,\\u00e9]" , [] ]\n')

  assert.deepEqual(textsOf(jsonRecords(body)), [
    ['/0', ' {"a": 1e400, "a": [1,{"b":"],\\"}\\\\"}]} '],
    ['/1', '-0'],
    ['/2', '"[é,\\u00e9]" '],
    ['/3', ' [] '],
  ])
  assert.deepEqual(jsonRecords(bytesOf(' [ ] ')), [])
})

test('the records of any array are its entries', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(0, 2), (entries, indent) => {
      const records = jsonRecords(bytesOf(JSON.stringify(entries, null, indent)))

      assert.deepEqual(
        records.map(({ bytes }) => JSON.parse(new TextDecoder().decode(bytes))),
        JSON.parse(JSON.stringify(entries)),
      )
    }),
  )
})

test('a body that is not JSON, or not UTF-8, is refused as a whole', () => {
  const bodies = [bytesOf(''), bytesOf('{'), bytesOf('{} {}'), bytesOf('[1,]'), Uint8Array.of(0x22, 0xff, 0x22)]

  for (const body of bodies)
    assert.throws(() => jsonRecords(body), { name: 'Fault', code: 'REQUEST_JSON_INVALID', status: 400 })
})

test('lines are records; blank ones are passed over, and paths count the events', () => {
  const body = bytesOf('{"a":1}\r\n\r\n \t\n{"b":2}\n\n{"c":3}')

  assert.deepEqual(textsOf(ndjsonRecords(body)), [
    ['/0', '{"a":1}\r'],
    ['/1', '{"b":2}'],
    ['/2', '{"c":3}'],
  ])
  assert.deepEqual(textsOf(ndjsonRecords(bytesOf('{"a":1}\n'))), [['/0', '{"a":1}']])
  for (const empty of ['', '\n', '\r\n \n']) assert.deepEqual(ndjsonRecords(bytesOf(empty)), [])
})

test('a line that is no JSON spoils no other', () => {
  const body = Uint8Array.of(0xff, 0x0a, 0x7b, 0x7d, 0x0a, 0x00)

  assert.deepEqual(
    ndjsonRecords(body).map(({ bytes }) => [...bytes]),
    [[0xff], [0x7b, 0x7d], [0x00]],
  )
})

test('more records than one transaction may hold are refused, and the number is said', () => {
  const lines = (count: number) => bytesOf('7\n'.repeat(count))
  const array = (count: number) => bytesOf(`[${Array(count).fill('7').join(',')}]`)

  assert.equal(ndjsonRecords(lines(mostRecords)).length, mostRecords)
  assert.equal(jsonRecords(array(mostRecords)).length, mostRecords)
  const refusal = { name: 'Fault', code: 'EVENTS_TOO_MANY', status: 413, message: /^10001 events/ }
  assert.throws(() => ndjsonRecords(lines(mostRecords + 1)), refusal)
  assert.throws(() => jsonRecords(array(mostRecords + 1)), refusal)
})
