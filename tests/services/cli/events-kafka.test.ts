import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OutgoingEvent } from '../../../services/adapters/kafka/producer.ts'
import { produce } from '../../../services/cli/events-kafka.ts'

const nowMs = Date.parse('2026-01-31T08:00:00Z')
const good = { type: 'item', eventId: 'a', occurredAt: '2026-01-31T07:00:00Z', itemId: 'i' }
const linesOf = (...values: readonly (object | string)[]) =>
  values.map((value, i) => ({
    row: i + 1,
    bytes: Buffer.from(typeof value === 'string' ? value : ` ${JSON.stringify(value)}\r`, 'latin1'),
  }))

test('events are sent with their bytes as they stand in the file, and what is no event is refused with its fault', async () => {
  const sent: OutgoingEvent[] = []
  const lines = linesOf(good, '{', { ...good, eventId: 'b', colour: 1 }, '\xff', { ...good, eventId: 'c' })

  const outcomes = await produce(lines, { send: async (events) => void sent.push(...events) }, nowMs)

  assert.deepEqual(
    outcomes.map(({ outcome, eventId, code = '', path = '' }) => [outcome, eventId, code, path]),
    [
      ['sent', 'a', '', ''],
      ['refused', null, 'EVENT_JSON_INVALID', ''],
      ['refused', 'b', 'EVENT_FIELD_UNKNOWN', '/colour'],
      ['refused', null, 'EVENT_JSON_INVALID', ''],
      ['sent', 'c', '', ''],
    ],
  )
  assert.deepEqual(
    sent.map(({ event, bytes }) => [event.eventId, bytes]),
    [
      ['a', lines[0]!.bytes],
      ['c', lines[4]!.bytes],
    ],
  )
})

test('nothing is said to be sent that Kafka did not take', async () => {
  const failing = produce(linesOf(good), { send: () => Promise.reject(new Error('away')) }, nowMs)

  await assert.rejects(failing, /away/)
})
