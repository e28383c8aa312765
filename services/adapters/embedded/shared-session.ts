import type { PGlite } from '@electric-sql/pglite'

const flushingTypes = new Set('QS'.split('').map((letter) => letter.charCodeAt(0)))
const pipelineTypes = new Set('PBDECH'.split('').map((letter) => letter.charCodeAt(0)))
const sync = Uint8Array.of('S'.charCodeAt(0), 0, 0, 0, 4)

/** The part of PGlite that the socket server uses. */
export type Session = Pick<PGlite, 'waitReady' | 'isInTransaction' | 'runExclusive' | 'execProtocolRawStream' | 'exec'>

/**
 * All connections share PGlite's one session, and the socket server takes turns between them message by message. That
 * would let two connections overwrite each other's unnamed statement between Parse and Bind, and run each other's
 * queries. So a pipeline, from its first message to its Sync, counts as a transaction here: the server then serves no
 * other connection in between, and ends it when its connection goes.
 *
 * `onBroken` is called where the database itself failed, as opposed to a statement: nothing can be served after that.
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
      try {
        await database.execProtocolRawStream(message, options)
      } catch (error) {
        onBroken(error)
        throw error
      }
      if (flushingTypes.has(type)) pipelineOpen = false
    },
    async exec(statement, options) {
      if (pipelineOpen) {
        await database.runExclusive(() => database.execProtocolRawStream(sync, { onRawData: () => {} }))
        pipelineOpen = false
      }
      return database.isInTransaction() ? database.exec(statement, options) : []
    },
  }
}
