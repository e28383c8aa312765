import { readFileSync } from 'node:fs'
import { Kafka, type LogEntry, logLevel } from 'kafkajs'
import { Fault } from '../../../models/spec/fault.ts'
import { readMissingCodecs } from './codecs.ts'
import type { KafkaSettings } from './settings.ts'

/** What a client says of itself goes to the log, quietly: what matters to an operator comes as a Fault. */
export interface KafkaLog {
  debug(details: object, message: string): void
}

/** Fault `SETTING_INVALID` where the authority's file cannot be read. */
export function createKafka({ brokers, clientId, tls, sasl }: KafkaSettings, log: KafkaLog): Kafka {
  readMissingCodecs()
  return new Kafka({
    brokers: [...brokers],
    clientId,
    ...(tls === false ? {} : { ssl: tls === true ? true : { ca: [readAuthority(tls)] } }),
    ...(sasl === null ? {} : { sasl: saslOptions(sasl) }),
    connectionTimeout: 5_000,
    // Whoever uses this tries again by itself, for as long as it lasts.
    retry: { initialRetryTime: 100, retries: 4, restartOnFailure: async () => false },
    logLevel: logLevel.INFO,
    logCreator:
      () =>
      ({ namespace, log: { message, timestamp: _timestamp, logger: _logger, ...details } }: LogEntry) =>
        log.debug({ ...details, part: namespace }, `Kafka's client: ${message}`),
  })
}

function saslOptions({ mechanism, username, password }: NonNullable<KafkaSettings['sasl']>) {
  // The client's types want one object for each mechanism.
  if (mechanism === 'plain') return { mechanism, username, password }
  if (mechanism === 'scram-sha-256') return { mechanism, username, password }
  return { mechanism, username, password }
}

function readAuthority(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new Fault(
      'SETTING_INVALID',
      `KAFKA_TLS is ${JSON.stringify(path)}, which cannot be read; it must be true, false, or the file of an authority's certificate.`,
      { path: 'KAFKA_TLS', cause },
    )
  }
}
