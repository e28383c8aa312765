import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { readKafkaSettings } from '../../../../services/adapters/kafka/settings.ts'
import { migrate } from '../../../../services/adapters/postgres/migrate.ts'
import { createPool } from '../../../../services/adapters/postgres/pool.ts'
import { examineServers } from '../../../../services/cli/doctor/servers.ts'
import { saslUser, withoutListeners } from '../../../servers/kafka-files.ts'

const name = `doctor_${randomUUID().slice(0, 8)}`
const owner = createPool({ connectionString: process.env.TEST_DATABASE_URL! }, () => {})
const own = urlWith({ options: `-c search_path=${name}` })
before(() => owner.query(`create schema ${name}`))
after(async () => {
  await owner.query(`drop schema ${name} cascade`)
  await owner.query(`drop role if exists ${name}`)
  await owner.close()
})

function urlWith(parameters: Record<string, string>, change: (url: URL) => void = () => {}): string {
  const url = new URL(process.env.TEST_DATABASE_URL!)
  for (const [key, value] of Object.entries(parameters)) url.searchParams.set(key, value)
  change(url)
  return url.href
}

const examinePostgres = async (databaseUrl: string) => (await examineServers({ databaseUrl, kafka: null }))[0]!
async function examineKafka(environment: Record<string, string>) {
  const kafka = readKafkaSettings({ KAFKA_BROKERS: process.env.TEST_KAFKA_BROKERS!, ...environment })
  return (await examineServers({ databaseUrl: null, kafka }))[0]!
}

test('a PostgreSQL without tables, and then with them', async () => {
  const empty = await examinePostgres(own)
  const pool = createPool({ connectionString: own }, () => {})
  await migrate(pool)
  await pool.close()
  const full = await examinePostgres(own)

  const { host, pathname } = new URL(own)
  assert.deepEqual([empty.address, empty.problem, full.problem], [`${host}${pathname}`, null, null])
  assert.match(empty.about.join('; '), /^version \d+\.\d+; to do at the start: 001-models\.sql, 002-/)
  assert.match(full.about.join('; '), /^version \d+\.\d+; its tables are as they must be$/)
})

test('one that takes no changes, or lets nobody make tables, is told with the way out', async () => {
  await owner.query(`create role ${name} login password 'a-password-for-tests'`)
  await owner.query(`grant usage on schema ${name} to ${name}`)
  await owner.query(`grant select on all tables in schema ${name} to ${name}`)

  const standby = await examinePostgres(
    urlWith({ options: `-c search_path=${name} -c default_transaction_read_only=on` }),
  )
  const stranger = await examinePostgres(
    urlWith({ options: `-c search_path=${name}` }, (url) => {
      url.username = name
      url.password = 'a-password-for-tests'
    }),
  )

  assert.match(standby.problem!, /takes no changes.*DATABASE_URL/)
  assert.match(stranger.problem!, new RegExp(`lets ${name} make no tables.*grant create on schema ${name} to ${name}$`))
  assert.ok(!JSON.stringify(stranger).includes('a-password-for-tests'), 'no password is shown')
})

test('a database that is not there, and one of a newer release', async () => {
  const missing = await examinePostgres(
    urlWith({}, (url) => {
      url.pathname = '/nowhere'
    }),
  )
  await owner.query(`insert into ${name}.migrations (name, checksum) values ('999-later.sql', 'x')`)
  const newer = await examinePostgres(own)

  assert.match(missing.problem!, /"nowhere" does not exist.*DATABASE_URL/)
  assert.match(newer.problem!, /999-later\.sql, which this version does not know/)
})

test('a Kafka without its topics: made at the start where that is allowed, else the command that makes them', async () => {
  const topics = { KAFKA_TOPIC_SLATES: `${name}.slates`, KAFKA_TOPIC_FEEDBACK: `${name}.feedback` }

  const allowed = await examineKafka({ ...topics, KAFKA_CREATE_TOPICS: 'true' })
  const refused = await examineKafka(topics)

  assert.equal(allowed.problem, null)
  assert.match(
    allowed.about.join('; '),
    new RegExp(`^1 broker; to do at the start: ${name}\\.slates, .*${name}\\.feedback`),
  )
  assert.match(refused.problem!, /Set KAFKA_CREATE_TOPICS=true, or make each: kafka-topics\.sh/)
})

test('a Kafka that refuses the login', { skip: withoutListeners }, async () => {
  const { problem } = await examineKafka({
    KAFKA_BROKERS: process.env.TEST_KAFKA_SASL_BROKERS!,
    KAFKA_SASL_MECHANISM: 'plain',
    KAFKA_USERNAME: saslUser.username,
    KAFKA_PASSWORD: 'another-password',
  })

  assert.match(problem!, /refused the login.*KAFKA_PASSWORD/)
  assert.ok(!problem!.includes('another-password'), problem!)
})
