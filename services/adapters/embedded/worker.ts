import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import type { WorkerInput, WorkerMessage } from './messages.ts'
import { shareSession } from './shared-session.ts'

const maxConnections = 100
const { folder, address, silentMs } = workerData as WorkerInput
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
    idleTimeout: silentMs,
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
  const { message, code } = error as { message?: unknown; code?: unknown }
  // The file system of PGlite throws objects of its own, without a message.
  const reason = typeof message === 'string' && message !== '' ? message : JSON.stringify(error)
  tell({ kind: 'failed', message: reason, code: typeof code === 'string' ? code : null })
}
