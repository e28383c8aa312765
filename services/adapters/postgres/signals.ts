import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import type { Fault } from '../../../models/spec/fault.ts'
import { storageFault } from './faults.ts'

/** What another process did: it stored events, activated a version, or queued a job. */
export type Signal = 'events' | 'activation' | 'job'

const channel = 'polyrank'
const retryAfterMs = 1_000

/** Part of a statement that tells others when its transaction is committed, such as `select signal('job')`. */
export const signal = (kind: Signal): string => `pg_notify('${channel}', '${kind}')`

export interface Listener {
  close(): Promise<void>
}

/**
 * Hears the signals of all processes on one PostgreSQL server, over a connection of its own that is opened again when it is
 * lost. Signals sent meanwhile are lost: listeners MUST look for themselves from time to time. The embedded database
 * carries no signals from one connection to another.
 */
export function listenForSignals(
  connection: pg.ClientConfig,
  onSignal: (signal: Signal) => void,
  onFault: (fault: Fault) => void,
): Listener {
  const closing = new AbortController()
  let client: pg.Client | null = null
  const once = async () => {
    const own = new pg.Client({ ...connection, connectionTimeoutMillis: 10_000 })
    client = own
    const lost = new Promise<void>((resolve) => own.once('end', resolve))
    own.on('error', (error) => closing.signal.aborted || onFault(storageFault(error)))
    own.on('notification', ({ payload }) => onSignal(payload as Signal))
    try {
      await own.connect()
      await own.query(`listen ${channel}`)
      await lost
    } finally {
      await own.end().catch(() => {})
    }
  }
  const run = async () => {
    while (!closing.signal.aborted) {
      await once().catch((error) => closing.signal.aborted || onFault(storageFault(error)))
      await wait(retryAfterMs, undefined, { signal: closing.signal }).catch(() => {})
    }
  }
  const ended = run()
  return {
    async close() {
      closing.abort()
      await client?.end().catch(() => {})
      await ended
    },
  }
}
