import { once } from 'node:events'
import net from 'node:net'
import type pg from 'pg'
import { authenticationOk, commandComplete, messagesIn, readyForQuery } from '../embedded/wire.ts'

export interface FakeServer {
  readonly connection: pg.PoolConfig
  /** Statements so far, of all connections. */
  readonly statements: readonly string[]
  /** Cuts every connection, as the end of the server does. */
  cutAll(): void
  close(): Promise<void>
}

/** Answers every simple statement with nothing, except one that says `die`: then it cuts the connection. */
export async function startFakeServer(): Promise<FakeServer> {
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
