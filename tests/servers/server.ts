import { chmodSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A server of a test, started: what a suite may do to it. It answers when `start` returns, and has gone when the others do. */
export interface TestServer {
  start(): Promise<void>
  /** Lets it finish what it does. */
  stop(): Promise<void>
  /** At once (SIGKILL), as in a crash. */
  kill(): Promise<void>
}

/** A temporary folder for servers: what runs as another user reaches its own folder in it. */
export function makeServersFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'polyrank-servers-'))
  chmodSync(folder, 0o711)
  return folder
}
