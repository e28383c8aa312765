import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import type { WorkerInput, WorkerMessage } from './messages.ts'
import { shareSession } from './shared-session.ts'

const maxConnections = 100
const { folder, address } = workerData as WorkerInput
const owner = parentPort!
const tell = (message: WorkerMessage) => owner.postMessage(message)

/** Thrown outside of any promise, so that the thread ends and its owner hears of it. */
const stop = (error: unknown) => {
  setImmediate(() => {
    throw error
  })
}

try {
  const database = await PGlite.create(folder)
  // Everything is in memory or nearly: an index lookup costs no more than reading on.
  await database.exec('set random_page_cost = 1.1')
  const server = new PGLiteSocketServer({
    db: shareSession(database, stop) as PGlite,
    maxConnections,
    ...('path' in address ? { path: address.path } : { host: address.host, port: 0 }),
  })
  await server.start()
  owner.once('message', async () => {
    await server.stop()
    await database.close()
    process.exit(0)
  })
  tell({ kind: 'listening', port: 'path' in address ? null : Number(server.getServerConn().split(':').at(-1)) })
} catch (error) {
  const { message, code = null } = error as Error & { code?: string }
  tell({ kind: 'failed', message: message || String(error), code })
}
