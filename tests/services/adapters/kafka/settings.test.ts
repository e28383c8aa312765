import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readKafkaSettings, topicNames } from '../../../../services/adapters/kafka/settings.ts'

const KAFKA_BROKERS = 'kafka:9092'

test('without brokers there is no Kafka, whatever else is set', () => {
  assert.deepEqual([{}, { KAFKA_BROKERS: '', KAFKA_TLS: 'true' }, { KAFKA_BROKERS: ' , ' }].map(readKafkaSettings), [
    null,
    null,
    null,
  ])
})

test('brokers are enough; the rest has defaults', () => {
  assert.deepEqual(readKafkaSettings({ KAFKA_BROKERS: 'a:1, [::1]:2 ,', KAFKA_GROUP: '' }), {
    brokers: ['a:1', '[::1]:2'],
    clientId: 'polyrank',
    group: 'polyrank',
    tls: false,
    sasl: null,
    topics: {
      slates: 'polyrank.slates',
      impressions: 'polyrank.impressions',
      feedback: 'polyrank.feedback',
      catalog: 'polyrank.catalog',
    },
    createTopics: false,
    partitions: 3,
    sessionMs: 10_000,
  })
})

test('all of it can be set', () => {
  const settings = readKafkaSettings({
    ...{ KAFKA_BROKERS, KAFKA_CLIENT_ID: 'c', KAFKA_GROUP: 'g', KAFKA_TLS: '/ca.pem', KAFKA_SASL_MECHANISM: 'PLAIN' },
    ...{ KAFKA_USERNAME: 'u', KAFKA_PASSWORD: 'p', KAFKA_TOPIC_SLATES: 's', KAFKA_TOPIC_CATALOG: 's' },
    ...{ KAFKA_CREATE_TOPICS: 'true', KAFKA_PARTITIONS: '12' },
  })!

  assert.deepEqual([settings.clientId, settings.group, settings.tls], ['c', 'g', '/ca.pem'])
  assert.deepEqual(settings.sasl, { mechanism: 'plain', username: 'u', password: 'p' })
  assert.deepEqual([settings.createTopics, settings.partitions], [true, 12])
  assert.deepEqual(topicNames(settings), ['s', 'polyrank.impressions', 'polyrank.feedback'])
})

for (const [path, environment] of Object.entries({
  KAFKA_BROKERS: { KAFKA_BROKERS: 'kafka' },
  KAFKA_SASL_MECHANISM: { KAFKA_SASL_MECHANISM: 'gssapi' },
  KAFKA_USERNAME: { KAFKA_SASL_MECHANISM: 'plain', KAFKA_PASSWORD: 'secret' },
  KAFKA_PASSWORD: { KAFKA_SASL_MECHANISM: 'plain', KAFKA_USERNAME: 'u' },
  KAFKA_TOPIC_FEEDBACK: { KAFKA_TOPIC_FEEDBACK: 'with space' },
  KAFKA_CREATE_TOPICS: { KAFKA_CREATE_TOPICS: 'yes' },
  KAFKA_PARTITIONS: { KAFKA_PARTITIONS: '0' },
})) {
  test(`a wrong ${path} is refused by its name`, () => {
    assert.throws(() => readKafkaSettings({ KAFKA_BROKERS, ...environment }), {
      code: 'SETTING_INVALID',
      path,
      message: new RegExp(`^${path} is .*; it must be `),
    })
  })
}

test('a password without a mechanism is refused, and not shown', () => {
  assert.throws(
    () => readKafkaSettings({ KAFKA_BROKERS, KAFKA_USERNAME: 'u', KAFKA_PASSWORD: 'secret' }),
    ({ code, path, message }) => {
      assert.deepEqual([code, path], ['SETTING_INVALID', 'KAFKA_SASL_MECHANISM'])
      return !message.includes('secret')
    },
  )
})
