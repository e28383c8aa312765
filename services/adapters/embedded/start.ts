import { mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import type pg from 'pg'
import { Fault } from '../../../models/spec/fault.ts'
import { diskFault } from '../disk-faults.ts'
import { lockDataFolder } from './lock.ts'
import type { WorkerInput, WorkerMessage } from './messages.ts'

export interface EmbeddedPostgres {
  readonly connection: pg.PoolConfig
  close(): Promise<void>
}

export interface EmbeddedPostgresOptions {
  readonly dataFolder: string
  /** Called once if the database ends without `close`; every connection is lost then. Fault `EMBEDDED_POSTGRES_STOPPED`. */
  readonly onStopped: (fault: Fault) => void
  /** A connection that sends nothing for so long is ended, and a transaction that it left open with it (default 70 s). */
  readonly silentMs?: number
}

/** A little longer than any statement may take. */
const defaultSilentMs = 70_000
/** An empty database has 39 MB; a later start may write 16 MB of log. */
const startingTakesBytes = 64 * 2 ** 20

/** sockaddr_un holds 104 bytes on macOS and 108 on Linux, a closing zero included. */
const longestSocketPath = 103
/** `pg` takes the folder of the socket as host and builds the name of the socket from the port. */
const socketPort = 5432

/**
 * Starts PostgreSQL (PGlite, on disk in `<dataFolder>/postgres`) in a worker thread of this process. Any process connects
 * to it with `pg`; `<dataFolder>/connection.json` says where.
 *
 * All connections share one session: settings (`SET`), named statements, temporary tables and session-level advisory
 * locks are everybody's, and a transaction holds the whole database until it ends. It never calls fsync: an acknowledged
 * row survives the end of the process, and may not survive a power cut.
 *
 * Faults: `DATA_FOLDER_IN_USE`, `DATA_FOLDER_LOCK_UNREADABLE`, `DATA_FOLDER_UNWRITABLE`, `DISK_FULL`,
 * `EMBEDDED_POSTGRES_FAILED`.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataFolder = resolve(options.dataFolder)
  const unlock = prepare(dataFolder)
  const connectionFile = join(dataFolder, 'connection.json')
  try {
    const socket = join(dataFolder, `.s.PGSQL.${socketPort}`)
    const useSocket = process.platform !== 'win32' && Buffer.byteLength(socket) <= longestSocketPath
    rmSync(socket, { force: true })
    const input: WorkerInput = {
      folder: join(dataFolder, 'postgres'),
      address: useSocket ? { path: socket } : { host: '127.0.0.1' },
      silentMs: options.silentMs ?? defaultSilentMs,
    }
    const { worker, port } = await listen(input, dataFolder)
    const connection = {
      ...(useSocket ? { host: dataFolder, port: socketPort } : { host: '127.0.0.1', port: port! }),
      user: 'postgres',
      database: 'postgres',
    }
    writeFileSync(connectionFile, JSON.stringify(connection))
    const stopped = watch(worker, dataFolder, options.onStopped)
    return {
      connection,
      async close() {
        worker.postMessage('close')
        await stopped
        rmSync(connectionFile, { force: true })
        unlock()
      },
    }
  } catch (error) {
    unlock()
    throw error
  }
}

/** For another process: where the embedded database of a data folder listens. Fault `EMBEDDED_POSTGRES_NOT_RUNNING`. */
export function findEmbeddedPostgres(dataFolder: string): pg.PoolConfig {
  const file = join(resolve(dataFolder), 'connection.json')
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as pg.PoolConfig
  } catch (cause) {
    throw new Fault(
      'EMBEDDED_POSTGRES_NOT_RUNNING',
      `No database runs on ${dataFolder}. Start it with \`polyrank start\`, or name the data folder with POLYRANK_DATA.`,
      { path: file, status: 503, retry: true, cause },
    )
  }
}

function prepare(dataFolder: string): () => void {
  try {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 })
    return lockDataFolder(dataFolder)
  } catch (error) {
    throw diskFault(error, dataFolder) ?? error
  }
}

async function listen(
  input: WorkerInput,
  dataFolder: string,
): Promise<{ readonly worker: Worker; readonly port: number | null }> {
  const source = import.meta.url.endsWith('.ts') ? './worker-bootstrap.mjs' : './worker.js'
  const worker = new Worker(new URL(source, import.meta.url), { workerData: input, stdout: false, stderr: false })
  const failed = (reason: string, cause?: unknown) =>
    diskFault(cause, dataFolder) ??
    spaceFault(dataFolder) ??
    new Fault('EMBEDDED_POSTGRES_FAILED', `The embedded database on ${input.folder} did not start: ${reason}`, {
      path: input.folder,
      cause,
    })
  const message = await new Promise<WorkerMessage>((done, refuse) => {
    worker.once('message', done)
    worker.once('error', (error) => refuse(failed(error.message, error)))
    worker.once('exit', (code) => refuse(failed(`its thread ended with code ${code}.`)))
  }).finally(() => worker.removeAllListeners())
  if (message.kind === 'listening') return { worker, port: message.port }
  await worker.terminate()
  throw failed(message.message, message)
}

/** PGlite does not say that a full disk keeps it from starting. */
function spaceFault(folder: string): Fault | null {
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize >= startingTakesBytes) return null
  const [free, takes] = [bavail * bsize, startingTakesBytes].map((bytes) => Math.floor(bytes / 2 ** 20))
  return diskFault({ code: 'ENOSPC', message: `${free} MB are free; starting takes up to ${takes}` }, folder)
}

/** Resolves when the worker has ended after it was asked to; ending before that is reported. */
async function watch(worker: Worker, dataFolder: string, onStopped: (fault: Fault) => void): Promise<void> {
  let cause: unknown
  worker.on('error', (error) => {
    cause = error
  })
  const code = await new Promise<number>((done) => worker.once('exit', done))
  if (code === 0 && cause === undefined) return
  const because = cause instanceof Error ? cause.message : `its thread ended with code ${code}`
  const remedy = diskFault(cause, dataFolder) === null ? 'Restart.' : 'Make space on its disk, then restart.'
  onStopped(
    new Fault('EMBEDDED_POSTGRES_STOPPED', `The embedded database on ${dataFolder} stopped: ${because}. ${remedy}`, {
      path: dataFolder,
      status: 503,
      retry: true,
      cause,
    }),
  )
}
