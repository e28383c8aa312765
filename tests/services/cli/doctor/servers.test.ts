import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readKafkaSettings } from '../../../../services/adapters/kafka/settings.ts'
import { examineServers } from '../../../../services/cli/doctor/servers.ts'
import { freePort } from '../../../flows/process.ts'

test('where settings name no server there is none to ask', async () => {
  assert.deepEqual(await examineServers({ databaseUrl: null, kafka: null }), [])
})

test('servers that do not answer are told with the settings that name them', async () => {
  const port = await freePort()
  const servers = await examineServers({
    databaseUrl: `postgres://me:secret@127.0.0.1:${port}/mine`,
    kafka: readKafkaSettings({ KAFKA_BROKERS: `127.0.0.1:${port}` }),
  })

  assert.deepEqual(
    servers.map(({ server, address, about }) => [server, address, about]),
    [
      ['PostgreSQL', `127.0.0.1:${port}/mine`, []],
      ['Kafka', `127.0.0.1:${port}`, []],
    ],
  )
  assert.match(servers[0]!.problem!, /^The database does not answer \(.*ECONNREFUSED/)
  assert.match(servers[1]!.problem!, /^Kafka at .* does not answer .*KAFKA_BROKERS/)
})
