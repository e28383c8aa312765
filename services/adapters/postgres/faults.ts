import pg from 'pg'
import { Fault } from '../../../models/spec/fault.ts'
import { diskFault } from '../disk-faults.ts'

/** SQLSTATE: 08 connection, 53 resources, 57 and 25P03 the operator or a time-out ended it; 40 lost against another transaction. */
const unavailable = /^(?:08|53|57P0|57014|25P03)/
/** Lost against another transaction, or waited for its lock as long as was allowed. */
const conflict = /^(?:40|55P03)/
/** Who may come in, and to which database. */
const denied = /^(?:28|3D000)/
export const readOnly = '25006'

/** What a connection's end or a time-out looks like from `pg`, which gives these no code of their own. */
const lost = /terminated|timeout exceeded|Query read timeout|not queryable|after calling end/i
/** Of the pool, not of the server. */
const busy = /^timeout exceeded when trying to connect/
/** What Node.js and OpenSSL say of a certificate, and `pg` of a server that has none. */
const untrusted = /CERT|SIGNATURE|^ERR_(?:TLS|SSL)/
const withoutTls = /does not support SSL/

/**
 * Every error of `pg` as a Fault: `DISK_FULL`, `STORAGE_UNAVAILABLE` and `STORAGE_CONFLICT` (these are worth another try),
 * `STORAGE_TLS_REFUSED`, `STORAGE_DENIED`, or `STORAGE_FAILED`, a mistake in a statement. Faults pass as they are.
 * `details.sqlState` has PostgreSQL's own code.
 */
export function storageFault(error: unknown): Fault {
  if (error instanceof Fault) return error
  const { code, message } = error as { code?: string; message: string }
  const sqlState = error instanceof pg.DatabaseError ? (error.code ?? '') : ''
  const details = { sqlState }
  const full = diskFault(error, 'the database')
  if (full?.code === 'DISK_FULL') return full
  if (conflict.test(sqlState)) {
    return new Fault('STORAGE_CONFLICT', `Another transaction was in the way (${message}). Try again.`, {
      status: 503,
      retry: true,
      cause: error,
      details,
    })
  }
  if (denied.test(sqlState)) {
    return new Fault(
      'STORAGE_DENIED',
      `The database lets nobody in so: ${message}. Correct DATABASE_URL, or its rights.`,
      {
        cause: error,
        details,
      },
    )
  }
  if (sqlState === '' && (withoutTls.test(message) || untrusted.test(code ?? ''))) {
    return new Fault(
      'STORAGE_TLS_REFUSED',
      `No connection to the database that is encrypted and trusted (${message}). In DATABASE_URL, sslmode=verify-full with sslrootcert=FILE names the authority of its certificate; sslmode=no-verify takes any.`,
      { cause: error, details },
    )
  }
  if (sqlState === readOnly) return unavailableFault(`takes no changes now: ${message}`, error, details)
  if (busy.test(message)) return unavailableFault('has no connection free, all are busy', error, details)
  const isLost = sqlState === '' && (lost.test(message) || typeof code === 'string')
  if (unavailable.test(sqlState) || isLost) {
    return unavailableFault(`does not answer (${message || code})`, error, details)
  }
  return new Fault('STORAGE_FAILED', `The database refused a statement: ${message}`, { cause: error, details })
}

const unavailableFault = (what: string, cause: unknown, details: { readonly sqlState: string }) =>
  new Fault('STORAGE_UNAVAILABLE', `The database ${what}. Try again; if it lasts, see that it runs.`, {
    ...{ status: 503, retry: true },
    ...{ cause, details },
  })
