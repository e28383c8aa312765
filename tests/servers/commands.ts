import { type SpawnOptions, spawn } from 'node:child_process'
import { Fault } from '../../models/spec/fault.ts'

export interface CommandOptions extends Pick<SpawnOptions, 'uid' | 'gid' | 'cwd'> {
  /** What to install where the command is missing. */
  readonly from: string
}

export const lastLines = (text: string) => text.trim().split('\n').slice(-20).join('\n')

export const missing = (command: string, from: string) =>
  new Fault('TEST_SERVER_MISSING', `There is no ${command} here. Way out: install ${from}.`)

/** What the command prints; a fault with its complaints where it fails. */
export function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const { from, ...rest } = options
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...rest, stdio: ['ignore', 'pipe', 'pipe'] })
    let [printed, complaints] = ['', '']
    child.stdout.on('data', (data) => {
      printed += data
    })
    child.stderr.on('data', (data) => {
      complaints += data
    })
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? missing(command, from) : error),
    )
    child.once('close', (code) => {
      if (code === 0) return resolve(printed)
      const said = lastLines(printed + complaints)
      reject(new Fault('TEST_SERVER_FAILED', `This failed: ${[command, ...args].join(' ')}\n${said}`))
    })
  })
}
