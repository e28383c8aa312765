import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../../../../models/spec/fault.ts'
import { createKafka } from '../../../../services/adapters/kafka/client.ts'
import { kafkaFault } from '../../../../services/adapters/kafka/faults.ts'
import { readKafkaSettings } from '../../../../services/adapters/kafka/settings.ts'

const settings = { brokers: ['a:1', 'b:2'] }
const named = (name: string, message: string) => Object.assign(new Error(message), { name })

test('an error says what was at the bottom of it, and is worth another try', () => {
  const fault = kafkaFault(new Error('retries exceeded', { cause: new Error('connect ECONNREFUSED') }), settings)

  assert.deepEqual([fault.code, fault.retry, fault.status], ['KAFKA_UNAVAILABLE', true, 503])
  assert.match(fault.message, /^Kafka at a:1, b:2 .*\(connect ECONNREFUSED\)/)
})

test('a refused login is not worth another try', () => {
  const fault = kafkaFault(named('KafkaJSSASLAuthenticationError', 'wrong'), settings)

  assert.deepEqual([fault.code, fault.retry], ['KAFKA_LOGIN_REFUSED', false])
})

test('a topic that is gone says what to do, and is worth another try', () => {
  const gone = Object.assign(new Error('no such topic'), { type: 'UNKNOWN_TOPIC_OR_PARTITION' })

  const fault = kafkaFault(new Error('retries exceeded', { cause: gone }), settings)

  assert.deepEqual([fault.code, fault.retry], ['KAFKA_TOPIC_MISSING', true])
  assert.match(fault.message, /no such topic.*polyrank doctor/)
})

test('a fault passes as it is', () => {
  const fault = new Fault('ANY', 'any')

  assert.equal(kafkaFault(fault, settings), fault)
})

test("an authority's file that is not there is said before anything connects", () => {
  const missing = readKafkaSettings({ KAFKA_BROKERS: 'a:1', KAFKA_TLS: '/nowhere/ca.pem' })!

  assert.throws(() => createKafka(missing, { debug: () => {} }), { code: 'SETTING_INVALID', path: 'KAFKA_TLS' })
})
