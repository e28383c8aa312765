import { Fault } from '../../../models/spec/fault.ts'
import { createKafka } from '../../adapters/kafka/client.ts'
import { kafkaFault } from '../../adapters/kafka/faults.ts'
import { type KafkaSettings, topicNames } from '../../adapters/kafka/settings.ts'
import { lackingTopics } from '../../adapters/kafka/topics.ts'
import { lackingMigrations } from '../../adapters/postgres/migrate.ts'
import { createPool, type Pool } from '../../adapters/postgres/pool.ts'
import type { Settings } from '../../standalone/settings.ts'

/** A server that the settings name. */
export interface ServerFinding {
  readonly server: 'PostgreSQL' | 'Kafka'
  /** Without who logs in. */
  readonly address: string
  readonly about: readonly string[]
  /** Why it cannot be used, and what to do about it; null where it can. */
  readonly problem: string | null
}

/** Asks each, and changes nothing on them. */
export const examineServers = ({
  databaseUrl,
  kafka,
}: Pick<Settings, 'databaseUrl' | 'kafka'>): Promise<readonly ServerFinding[]> =>
  Promise.all([
    ...(databaseUrl === null ? [] : [examinePostgres(databaseUrl)]),
    ...(kafka === null ? [] : [examineKafka(kafka)]),
  ])

const answerWithinMs = 5_000

async function examinePostgres(databaseUrl: string): Promise<ServerFinding> {
  const { hostname, port, pathname, searchParams } = new URL(databaseUrl)
  const address = `${hostname || searchParams.get('host') || 'localhost'}:${port || 5432}${pathname}`
  const timeouts = { connectionTimeoutMillis: answerWithinMs, query_timeout: answerWithinMs }
  const pool = createPool({ connectionString: databaseUrl, ...timeouts }, () => {})
  try {
    const about = [`version ${await versionOf(pool)}`]
    const lacking = await lackingMigrations(pool)
    about.push(lacking.length === 0 ? 'its tables are as they must be' : `to do at the start: ${lacking.join(', ')}`)
    return { server: 'PostgreSQL', address, about, problem: await whyNotWritten(pool) }
  } catch (error) {
    return { server: 'PostgreSQL', address, about: [], problem: messageOf(error) }
  } finally {
    await pool.close()
  }
}

async function versionOf(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ server_version: string }>('show server_version')
  return rows[0]!.server_version.split(' ')[0]!
}

async function whyNotWritten(pool: Pool): Promise<string | null> {
  const { rows } = await pool.query<{ isReadOnly: boolean; schema: string; role: string; mayCreate: boolean }>(
    `select current_setting('transaction_read_only')::bool as "isReadOnly", quote_ident(current_user) as role,
       coalesce(quote_ident(current_schema()), 'public') as schema,
       coalesce(has_schema_privilege(current_schema(), 'create'), false) as "mayCreate"`,
  )
  const { isReadOnly, schema, role, mayCreate } = rows[0]!
  if (isReadOnly) {
    return 'PostgreSQL takes no changes: it is a standby, or read-only. Name the one that takes them in DATABASE_URL.'
  }
  // Not at the first start alone: a day's events are a table of their own.
  return mayCreate
    ? null
    : `PostgreSQL lets ${role} make no tables. An owner can: grant create on schema ${schema} to ${role}`
}

async function examineKafka(settings: KafkaSettings): Promise<ServerFinding> {
  const address = settings.brokers.join(', ')
  try {
    const admin = createKafka(settings, { debug: () => {} }).admin()
    try {
      await admin.connect()
      const { brokers } = await admin.describeCluster()
      const about = [brokers.length === 1 ? '1 broker' : `${brokers.length} brokers`]
      const lacking = await lackingTopics(admin, settings)
      const topics = topicNames(settings).length
      about.push(lacking.length === 0 ? `its ${topics} topics are there` : `to do at the start: ${lacking.join(', ')}`)
      return { server: 'Kafka', address, about, problem: null }
    } finally {
      await admin.disconnect()
    }
  } catch (error) {
    return { server: 'Kafka', address, about: [], problem: messageOf(kafkaFault(error, settings)) }
  }
}

function messageOf(error: unknown): string {
  if (error instanceof Fault) return error.message
  throw error
}
