import { once } from 'node:events'
import net from 'node:net'
import type pg from 'pg'
import { authenticationOk, commandComplete, dataRow, messagesIn, readyForQuery } from '../embedded/wire.ts'

export interface FakeServer {
  readonly connection: pg.PoolConfig
  /** Statements so far, of all connections. */
  readonly statements: readonly string[]
  /** Cuts every connection, as the end of the server does. */
  cutAll(): void
  close(): Promise<void>
}

/** Says that rows have one column, of text. */
function rowDescription(column: string): Buffer {
  const name = Buffer.from(`${column}\u0000`)
  const message = Buffer.alloc(7 + name.length + 18)
  message.write('T', 'latin1')
  message.writeInt32BE(message.length - 1, 1)
  message.writeInt16BE(1, 5)
  name.copy(message, 7)
  message.writeInt32BE(25, 7 + name.length + 6)
  return message
}

/**
 * Answers a simple statement with one row where `settings` has what it shows, else with nothing, except one that says
 * `die`: then it cuts the connection.
 */
export async function startFakeServer(settings: Readonly<Record<string, string>> = {}): Promise<FakeServer> {
  const sockets = new Set<net.Socket>()
  const statements: string[] = []
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write(Buffer.concat([authenticationOk, readyForQuery]))
      socket.on('data', (data) => {
        for (const { type, body } of messagesIn(data)) {
          if (type !== 'Q') continue
          const statement = body.toString('utf8', 0, body.length - 1)
          statements.push(statement)
          const setting = statement.replace(/^show /, '')
          const shown = settings[setting]
          if (shown !== undefined) socket.write(Buffer.concat([rowDescription(setting), dataRow(shown)]))
          if (statement.includes('die')) socket.destroy()
          else socket.write(Buffer.concat([commandComplete, readyForQuery]))
        }
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const cutAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    connection: { host: '127.0.0.1', port, user: 'u', database: 'd' },
    statements,
    cutAll,
    async close() {
      cutAll()
      server.close()
      await once(server, 'close')
    },
  }
}
