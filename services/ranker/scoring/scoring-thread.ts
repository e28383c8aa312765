import { SHARE_ENV, Worker } from 'node:worker_threads'
import { Fault } from '../../../models/spec/fault.ts'
import type { RankingInput } from '../../../models/spec/slate.ts'
import type { ScoringEngine, ScoringReply, ScoringRequest } from './messages.ts'

/** A thread that opens versions and scores with them. */
export interface ScoringThread {
  open(folder: string): Promise<void>
  /** Fault `RANK_OVERLOADED` (429) where too many wait already; `SCORING_STOPPED` where the thread ended meanwhile. */
  score(folder: string, input: RankingInput): Promise<Float32Array>
  closeVersion(folder: string): Promise<void>
  close(): Promise<void>
}

export interface ScoringThreadOptions {
  readonly engine: ScoringEngine
  /** Requests that may wait; beyond it, callers are told to come back. */
  readonly mostWaiting: number
  /** The thread ended by itself. What was open has to be opened in another. */
  onStopped(fault: Fault): void
  /** Hears what is for the log. */
  say(line: string): void
}

type Unnumbered = ScoringRequest extends infer Request
  ? Request extends { id: number }
    ? Omit<Request, 'id'>
    : never
  : never

const source = import.meta.url.endsWith('.ts') ? './worker-bootstrap.mjs' : './worker.js'

export function startScoringThread(
  options: ScoringThreadOptions,
  program: URL = new URL(source, import.meta.url),
): ScoringThread {
  // TensorFlow's library reads its switches from the environment of the process, not from a copy of it.
  const worker = new Worker(program, { env: SHARE_ENV })
  const waiting = new Map<number, { resolve(scores: Float32Array | null): void; reject(fault: Fault): void }>()
  let [nextId, isClosing, stopped] = [0, false, null as Fault | null]
  worker.on('message', (reply: ScoringReply) => {
    if ('said' in reply) return options.say(reply.said)
    const caller = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('scores' in reply) caller?.resolve(reply.scores)
    else {
      const { code, message, path, status, retry } = reply.fault
      caller?.reject(new Fault(code, message, { status, retry, ...(path === undefined ? {} : { path }) }))
    }
  })
  let cause: unknown
  worker.on('error', (error) => {
    cause = error
  })
  worker.on('exit', (code) => {
    stopped = new Fault(
      'SCORING_STOPPED',
      `The scoring thread ended with code ${code}; it is being started again. Try again.`,
      { status: 503, retry: true, cause },
    )
    for (const { reject } of waiting.values()) reject(stopped)
    waiting.clear()
    if (!isClosing) options.onStopped(stopped)
  })
  const ask = (request: Unnumbered) =>
    new Promise<Float32Array | null>((resolve, reject) => {
      if (stopped !== null) return reject(stopped)
      const id = nextId++
      waiting.set(id, { resolve, reject })
      worker.postMessage({ ...request, id })
    })
  return {
    async open(folder) {
      await ask({ kind: 'open', folder, engine: options.engine })
    },
    async score(folder, input) {
      if (waiting.size >= options.mostWaiting) {
        throw new Fault('RANK_OVERLOADED', `${waiting.size} requests wait already; try again in a second.`, {
          status: 429,
          retry: true,
        })
      }
      return (await ask({ kind: 'score', folder, input }))!
    },
    async closeVersion(folder) {
      await ask({ kind: 'close', folder })
    },
    async close() {
      isClosing = true
      await worker.terminate()
    },
  }
}
