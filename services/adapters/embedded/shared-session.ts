import type { PGlite } from '@electric-sql/pglite'
import { createErrorReader } from './server-errors.ts'

const flushingTypes = new Set('QS'.split('').map((letter) => letter.charCodeAt(0)))
const pipelineTypes = new Set('PBDECH'.split('').map((letter) => letter.charCodeAt(0)))
const parseNonsense = Buffer.from('P\u0000\u0000\u0000\u0011\u0000abandoned\u0000\u0000\u0000')
const sync = Buffer.from('S\u0000\u0000\u0000\u0004')

/** The part of PGlite that the socket server uses. */
export type Session = Pick<PGlite, 'waitReady' | 'isInTransaction' | 'runExclusive' | 'execProtocolRawStream' | 'exec'>

/**
 * All connections share PGlite's one session, and the socket server takes turns between them message by message. That
 * would let two connections overwrite each other's unnamed statement between Parse and Bind, and run each other's
 * queries. So a pipeline, from its first message to its Sync, counts as a transaction here: the server then serves no
 * other connection in between, and ends it when its connection goes.
 *
 * `onBroken` is called where the database itself failed, as opposed to a statement: PGlite throws, or answers with an
 * error that ends its one session (a full disk where the write-ahead log grows does) and never answers again.
 */
export function shareSession(database: PGlite, onBroken: (error: unknown) => void): Session {
  let pipelineOpen = false
  return {
    waitReady: database.waitReady,
    isInTransaction: () => pipelineOpen || database.isInTransaction(),
    runExclusive: (work) => database.runExclusive(work),
    async execProtocolRawStream(message, options) {
      const type = message[0]!
      if (pipelineTypes.has(type)) pipelineOpen = true
      const readErrors = createErrorReader((error) => {
        if (error.severity !== 'ERROR') onBroken(Object.assign(new Error(error.message), { code: error.code }))
      })
      try {
        await database.execProtocolRawStream(message, {
          ...options,
          onRawData: (data) => {
            readErrors(data)
            options?.onRawData(data)
          },
        })
      } catch (error) {
        onBroken(error)
        throw error
      }
      if (flushingTypes.has(type)) pipelineOpen = false
    },
    async exec(statement, options) {
      if (pipelineOpen) {
        // A Sync alone would commit what the pipeline did; after a statement that fails it undoes that.
        for (const message of [parseNonsense, sync]) {
          await database.runExclusive(() => database.execProtocolRawStream(message, { onRawData: () => {} }))
        }
        pipelineOpen = false
      }
      return database.isInTransaction() ? database.exec(statement, options) : []
    },
  }
}
