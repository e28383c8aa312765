import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Measurement } from './comparison.ts'

/**
 * A program beside this one. It warms up, prints one line of JSON that says what it is, and then, for every line it
 * reads, measures for one round and prints one line. It ends when its input does. So start-up is paid once, and peers
 * that wait take no time from the one that works.
 */
export interface PeerSpec {
  /** As the tables call it. */
  readonly label: string
  readonly command: readonly [string, ...string[]]
  readonly environment?: Readonly<Record<string, string>>
}

/** The first line of a peer. */
export interface Ready {
  readonly version: string
  /** First losses or a mean score: equal numbers, equal work. */
  readonly check: readonly number[]
}
/** The first line of a peer that cannot run here. */
export interface Missing {
  readonly missing: string
}

export interface Peer {
  readonly label: string
  readonly ready: Ready
  round(): Promise<Measurement>
  stop(): Promise<void>
}

/** Starts a peer and waits until it is warm. */
export async function startPeer({ label, command, environment }: PeerSpec): Promise<Peer | Missing> {
  const [program, ...parameters] = command
  const child = spawn(program, parameters, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  })
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()))
  const failed = once(child, 'error').then(([error]) => Promise.reject(error as Error))
  failed.catch(() => {})
  child.stdin.on('error', () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await Promise.race([lines.next(), failed])
    if (done === true) throw new Error(`${label} ended before its next line; what it wrote is above.`)
    return JSON.parse(value as string) as unknown
  }
  const stop = async () => {
    child.stdin.end()
    await ended
  }
  const first = (await next()) as Ready | Missing
  if ('missing' in first) {
    await stop()
    return first
  }
  return {
    label,
    ready: first,
    async round() {
      child.stdin.write('\n')
      return (await next()) as Measurement
    },
    stop,
  }
}
