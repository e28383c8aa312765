import { resolve } from 'node:path'
import { Fault } from '../../models/spec/fault.ts'

/** Where a process runs; what it ranks is in `polyrank.config.ts`. */
export interface Settings {
  readonly host: string
  readonly port: number
  readonly dataFolder: string
  readonly logLevel: (typeof logLevels)[number]
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const

/**
 * Reads the environment; the README's table of settings lists every name. One that is empty counts as not set, as in
 * files where a name may stand without a value. Fault `SETTING_INVALID`.
 */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const invalid = (name: string, wanted: string): never => {
    throw new Fault('SETTING_INVALID', `${name} is ${JSON.stringify(environment[name])}; it must be ${wanted}.`, {
      path: name,
    })
  }
  const port = environment.PORT || '8080'
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) invalid('PORT', 'a port number from 0 to 65535')
  const logLevel = logLevels.find((level) => level === (environment.LOG_LEVEL || 'warn'))
  return {
    host: environment.HOST || '127.0.0.1',
    port: Number(port),
    dataFolder: resolve(environment.POLYRANK_DATA || '.polyrank'),
    logLevel: logLevel ?? invalid('LOG_LEVEL', `one of ${logLevels.join(', ')}`),
  }
}
