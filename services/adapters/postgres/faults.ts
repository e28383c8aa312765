import pg from 'pg'
import { Fault } from '../../../models/spec/fault.ts'
import { diskFault } from '../disk-faults.ts'

/** SQLSTATE: 08 connection, 53 resources, 57 and 25P03 the operator or a time-out ended it; 40 lost against another transaction. */
const unavailable = /^(?:08|53|57P0|57014|25P03)/
const conflict = /^40/

/** What a connection's end or a time-out looks like from `pg`, which gives these no code of their own. */
const lost = /terminated|timeout exceeded|Query read timeout|not queryable|after calling end/i

/**
 * Every error of `pg` as a Fault: `DISK_FULL`, `STORAGE_UNAVAILABLE` and `STORAGE_CONFLICT` (both worth another try), or
 * `STORAGE_FAILED`, a mistake in a statement. Faults pass as they are. `details.sqlState` has PostgreSQL's own code.
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
  const isLost = sqlState === '' && (lost.test(message) || typeof code === 'string')
  if (unavailable.test(sqlState) || isLost) {
    return new Fault(
      'STORAGE_UNAVAILABLE',
      `The database does not answer (${message || code}). Try again; if it lasts, see that it runs.`,
      { status: 503, retry: true, cause: error, details },
    )
  }
  return new Fault('STORAGE_FAILED', `The database refused a statement: ${message}`, { cause: error, details })
}
