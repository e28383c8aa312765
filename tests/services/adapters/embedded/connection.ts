import { once } from 'node:events'
import net from 'node:net'
import { join } from 'node:path'
import type pg from 'pg'
import { messagesIn, startup } from './wire.ts'

/** One connection to an embedded database, message by message. */
export interface Connection {
  send(...messages: readonly Buffer[]): void
  /** All bytes so far, once `enough` says so of them. */
  received(enough: (bytes: Buffer) => boolean): Promise<Buffer>
  /** Ends as the connection of a killed process does. */
  destroy(): Promise<void>
}

export const isReady = (times: number) => (bytes: Buffer) =>
  messagesIn(bytes).filter(({ type }) => type === 'Z').length >= times

/** Connected and ready. `address` is what `pg` would connect to. */
export async function connect(address: pg.PoolConfig): Promise<Connection> {
  const { host, port } = address as { host: string; port: number }
  const socket = host.startsWith('/') ? net.connect(join(host, `.s.PGSQL.${port}`)) : net.connect(port, host)
  let bytes = Buffer.alloc(0)
  socket.on('data', (data) => {
    bytes = Buffer.concat([bytes, data])
  })
  socket.on('error', () => {})
  const received = async (enough: (bytes: Buffer) => boolean) => {
    while (!enough(bytes)) await once(socket, 'data')
    return bytes
  }
  socket.write(startup())
  await received(isReady(1))
  bytes = Buffer.alloc(0)
  return {
    send: (...messages) => void socket.write(Buffer.concat(messages)),
    received,
    async destroy() {
      socket.destroy()
      if (!socket.closed) await once(socket, 'close')
    },
  }
}
