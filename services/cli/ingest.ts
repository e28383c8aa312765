import closeWithGrace from 'close-with-grace'
import { Command } from 'commander'
import { pino } from 'pino'
import { Fault } from '../../models/spec/fault.ts'
import { type KafkaSettings, readKafkaSettings } from '../adapters/kafka/settings.ts'
import { readSettings } from '../standalone/settings.ts'

const help = `
It goes on where its group stands; start as many as you like. \`polyrank start\` is a member of the same group.

Environment, beside that of \`polyrank start\`:
  DATABASE_URL           PostgreSQL that holds the events and the positions
  KAFKA_BROKERS          host:port, or several with commas between
  KAFKA_GROUP            consumer group (polyrank)
  KAFKA_CLIENT_ID        its name at the brokers (polyrank)
  KAFKA_TLS              true, or the file of the authority to trust (false)
  KAFKA_SASL_MECHANISM   plain, scram-sha-256 or scram-sha-512, with
  KAFKA_USERNAME, KAFKA_PASSWORD
  KAFKA_TOPIC_SLATES, KAFKA_TOPIC_IMPRESSIONS, KAFKA_TOPIC_FEEDBACK, KAFKA_TOPIC_CATALOG
                         (polyrank.slates, polyrank.impressions, ...)
  KAFKA_CREATE_TOPICS    true makes missing topics (false), each with
  KAFKA_PARTITIONS       so many partitions (3)
  KAFKA_SESSION_MS       a member silent for so long is given up (10000)

Examples:
  DATABASE_URL=postgres://polyrank@db/polyrank KAFKA_BROKERS=kafka:9092 polyrank ingest
  LOG_LEVEL=info polyrank ingest`

/** Events from Kafka, without the rest of the service. */
export const ingestCommand = (): Command =>
  new Command('ingest')
    .description('take events in from Kafka, beside or without the service')
    .showHelpAfterError()
    .addHelpText('after', help)
    .action(run)

/** Fault `KAFKA_NOT_SET`. */
export function neededKafka(): KafkaSettings {
  const settings = readKafkaSettings(process.env)
  if (settings !== null) return settings
  throw new Fault('KAFKA_NOT_SET', 'KAFKA_BROKERS is not set. Set it to host:port of a broker, or several of these.', {
    path: 'KAFKA_BROKERS',
  })
}

async function run(): Promise<void> {
  const settings = readSettings(process.env)
  const kafka = neededKafka()
  const logger = pino({ level: settings.logLevel }, pino.destination(2))
  // Loaded when it runs: other commands need none of it.
  const { startIngestor } = await import('../ingestor/ingestor.ts')
  const { loadConfig } = await import('../standalone/load-config.ts')
  const { joinStorage } = await import('../standalone/storage.ts')
  const { rankers, events } = await loadConfig(process.cwd())
  const report = (fault: Fault) => logger.warn({ code: fault.code }, fault.message)
  if (settings.databaseUrl !== null) await bringUpToDate(settings.databaseUrl, report)
  const storage = joinStorage(settings, report)
  const starting = startIngestor({
    ...{ kafka, store: storage.ingest, positions: storage.positions },
    ...{ rankers: rankers.map(({ name }) => name), latenessMs: events.latenessMs, nowMs: Date.now, log: logger },
  }).catch(async (error) => {
    await storage.close()
    throw error
  })
  closeWithGrace({ delay: 15_000 }, async ({ err }) => {
    if (err !== undefined) logger.fatal({ err }, err.message)
    await (await starting).close()
    await storage.close()
  })
  await starting
  console.log(`Taking events in from ${kafka.brokers.join(', ')} as a member of "${kafka.group}"`)
}

/** The tables; any number of processes may do this at once. */
async function bringUpToDate(connectionString: string, report: (fault: Fault) => void): Promise<void> {
  const { createPool } = await import('../adapters/postgres/pool.ts')
  const { migrate } = await import('../adapters/postgres/migrate.ts')
  const pool = createPool({ connectionString, max: 1 }, report)
  try {
    await migrate(pool)
  } finally {
    await pool.close()
  }
}
