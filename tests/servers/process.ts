import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Fault } from '../../models/spec/fault.ts'
import { type CommandOptions, lastLines, missing } from './commands.ts'

export interface LaunchOptions extends CommandOptions {
  /** Gets all that the server prints. */
  readonly log: string
  /** Resolves when the server answers as it should, rejects when it does not yet. */
  readonly ask: () => Promise<void>
}

export interface ServerProcess {
  readonly id: number
  /** Returns when it has gone; also when it had gone before. */
  end(signal: NodeJS.Signals): Promise<void>
}

const [patienceMs, pauseMs] = [60_000, 100]

/** Ends the server even where this process is killed: a shell then reads the end of its input. Returns what lets go of it. */
function endWithThisProcess(id: number): () => void {
  const wait = ['-c', `read -r _; kill -9 ${id}`]
  const watcher = spawn('sh', wait, { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  return () => watcher.kill('SIGKILL')
}

/** Starts a server and waits until it answers. */
export async function launch(command: string, args: readonly string[], options: LaunchOptions): Promise<ServerProcess> {
  const { from, log, ask, ...rest } = options
  const output = openSync(log, 'a')
  // In a group of its own: Ctrl-C is for those who started it, and they end it when what needs it has gone.
  const child = spawn(command, args, { ...rest, detached: true, stdio: ['ignore', output, output] })
  closeSync(output)
  const ended = once(child, 'exit').then(
    () => undefined,
    (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? missing(command, from) : error),
  )
  const letGo = child.pid === undefined ? () => {} : endWithThisProcess(child.pid)
  let hasEnded = false
  ended.then(() => {
    hasEnded = true
    letGo()
  })
  const end = async (signal: NodeJS.Signals) => {
    if (!hasEnded) child.kill(signal)
    await ended
  }
  const failed = (what: string) => new Fault('TEST_SERVER_FAILED', `${what}\n${lastLines(readFileSync(log, 'utf8'))}`)

  const latest = Date.now() + patienceMs
  for (;;) {
    try {
      await ask()
      if (!hasEnded) return { id: child.pid!, end }
    } catch {
      await Promise.race([ended, delay(pauseMs)])
    }
    if (hasEnded) throw (await ended) ?? failed(`${command} ended at its start. Its last words:`)
    if (Date.now() > latest) {
      await end('SIGKILL')
      throw failed(`${command} does not answer after ${patienceMs / 1000} seconds. Its last words:`)
    }
  }
}
