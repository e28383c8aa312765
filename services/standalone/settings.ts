import { resolve } from 'node:path'
import { Fault } from '../../models/spec/fault.ts'
import { type KafkaSettings, readKafkaSettings } from '../adapters/kafka/settings.ts'

/** Where a process runs; what it ranks is in `polyrank.config.ts`. */
export interface Settings {
  readonly host: string
  readonly port: number
  readonly dataFolder: string
  /** Null: the embedded database in the data folder. */
  readonly databaseUrl: string | null
  /** Null: events come over HTTP alone. */
  readonly kafka: KafkaSettings | null
  readonly logLevel: (typeof logLevels)[number]
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const

/**
 * Reads the environment; the README's table of settings lists every name. One that is empty counts as not set, as in
 * files where a name may stand without a value. Fault `SETTING_INVALID`.
 */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const invalid = (name: string, wanted: string): never => {
    // A URL may hold a password.
    const given = name === 'DATABASE_URL' ? 'not usable' : JSON.stringify(environment[name])
    throw new Fault('SETTING_INVALID', `${name} is ${given}; it must be ${wanted}.`, {
      path: name,
    })
  }
  const port = environment.PORT || '8080'
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) invalid('PORT', 'a port number from 0 to 65535')
  const logLevel = logLevels.find((level) => level === (environment.LOG_LEVEL || 'warn'))
  return {
    host: environment.HOST || '127.0.0.1',
    port: Number(port),
    databaseUrl: databaseUrlOf(environment.DATABASE_URL || null, invalid),
    kafka: readKafkaSettings(environment),
    dataFolder: resolve(environment.POLYRANK_DATA || '.polyrank'),
    logLevel: logLevel ?? invalid('LOG_LEVEL', `one of ${logLevels.join(', ')}`),
  }
}

function databaseUrlOf(url: string | null, invalid: (name: string, wanted: string) => never): string | null {
  if (url === null || (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url))) return url
  return invalid('DATABASE_URL', 'like postgres://user:password@host:5432/database?sslmode=verify-full')
}
