import { accessSync, constants, existsSync, lstatSync, readdirSync, statfsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { diskFault } from '../../adapters/disk-faults.ts'
import { findEmbeddedPostgres } from '../../adapters/embedded/start.ts'
import { createPool } from '../../adapters/postgres/pool.ts'

export interface DataFinding {
  readonly folder: string
  readonly isThere: boolean
  readonly sizeBytes: number
  /** On its disk. */
  readonly freeBytes: number
  /** Why it cannot be written; null where it can. */
  readonly problem: string | null
  /** The embedded one, which runs inside the service; null where another is used. */
  readonly database: { readonly isRunning: boolean; readonly version: string | null } | null
}

/** Looks at the data folder without owning it: the service may run on it meanwhile. */
export async function examineData(folder: string, hasDatabase: boolean): Promise<DataFinding> {
  const isThere = existsSync(folder)
  const place = nearest(folder)
  return {
    folder,
    isThere,
    sizeBytes: isThere ? sizeOf(folder) : 0,
    freeBytes: freeOn(place),
    problem: writeProblem(place, folder),
    database: hasDatabase ? await askDatabase(folder) : null,
  }
}

/** The folder itself, or the first above it that is there: where it would be made. */
const nearest = (folder: string): string => (existsSync(folder) ? folder : nearest(dirname(folder)))

function freeOn(place: string): number {
  const { bavail, bsize } = statfsSync(place)
  return bavail * bsize
}

function writeProblem(place: string, folder: string): string | null {
  try {
    if (!statSync(place).isDirectory()) throw Object.assign(new Error(`${place} is a file`), { code: 'ENOTDIR' })
    accessSync(place, constants.W_OK | constants.X_OK)
    return null
  } catch (error) {
    return diskFault(error, folder)?.message ?? (error as Error).message
  }
}

/** Files come and go while the service runs: one that is gone has no size. */
function sizeOf(path: string): number {
  try {
    const entry = lstatSync(path)
    if (!entry.isDirectory()) return entry.size
    return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
  } catch {
    return 0
  }
}

const answerWithinMs = 3_000

/** A service that was killed leaves the address of its database behind. */
async function askDatabase(folder: string): Promise<NonNullable<DataFinding['database']>> {
  const silent = { isRunning: false, version: null }
  try {
    const connection = { ...findEmbeddedPostgres(folder), connectionTimeoutMillis: answerWithinMs }
    const pool = createPool({ ...connection, query_timeout: answerWithinMs }, () => {})
    try {
      const { rows } = await pool.query<{ server_version: string }>('show server_version')
      return { isRunning: true, version: rows[0]!.server_version }
    } finally {
      await pool.close()
    }
  } catch {
    return silent
  }
}
