import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toRecord } from '../../../services/ingestor/records.ts'

const origin = { topic: 't', partition: 3, offset: 7 }
const message = (key: string | Uint8Array | null, value: string | null = null, timestamp = '0') => ({
  ...{ offset: '7', timestamp, value: value === null ? null : Buffer.from(value) },
  key: typeof key === 'string' ? Buffer.from(key) : key,
})
const textOf = (...given: Parameters<typeof toRecord>) => Buffer.from(toRecord(...given).bytes).toString()

test('a record with a value is that value, whatever its key', () => {
  const record = toRecord(message('item:1', 'anything'), origin, true)

  assert.deepEqual([Buffer.from(record.bytes).toString(), record.origin, record.path], ['anything', origin, ''])
})

test('a catalogue record without a value deletes the item or user of its key, at the time of the record', () => {
  const events = ['item:a:b "c"\n', 'user:é'].map((key) => JSON.parse(textOf(message(key, null, '1500'), origin, true)))

  const common = { eventId: 't-3-7', occurredAt: '1970-01-01T00:00:01.500Z', deleted: true }
  assert.deepEqual(events, [
    { type: 'item', itemId: 'a:b "c"\n', ...common },
    { type: 'user', userId: 'é', ...common },
  ])
})

test('a record without a value is empty elsewhere, and where its key or time says nothing', () => {
  const none = [
    textOf(message('item:1'), origin, false),
    ...['', 'item:', 'items:1', ' item:1', '1'].map((key) => textOf(message(key), origin, true)),
    textOf(message(null), origin, true),
    textOf(message(Uint8Array.of(...Buffer.from('item:'), 0xff)), origin, true),
    textOf(message('item:1', null, '9223372036854775807'), origin, true),
  ]

  assert.deepEqual(none, Array(9).fill(''))
})
