import { type ChildProcess, fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { JobQueue } from '../../pipelines/training/jobs.ts'

const killAfterMs = 5_000
/** As it was at the start: a runtime that was loaded since has set switches of its own, which are not the trainer's. */
const environment = { ...process.env }

/** Keeps a trainer process running while there are jobs. */
export interface TrainerProcess {
  /** Starts one where jobs wait and none runs. */
  ensure(): Promise<void>
  close(): Promise<void>
}

const trainerFolder = join(import.meta.dirname, '..', 'trainer')
const trainerMain = ['main.ts', 'main.js'].map((file) => join(trainerFolder, file)).find(existsSync)!

/** A child process, as far as it is used here. */
export interface Child {
  /** None where it could not be started. */
  readonly pid?: number | undefined
  once(event: 'exit', listener: (code: number | null) => void): unknown
  once(event: 'error', listener: (error: Error) => void): unknown
  kill(signal: NodeJS.Signals): unknown
}

interface Starting {
  /** What runs as the trainer. */
  start?(): Child
  nowMs?(): number
}

/** A trainer that breaks again and again is started ever more seldom. One that ends well, or lived long, starts afresh. */
const firstPauseMs = 1_000
const longestPauseMs = 30_000
const longLifeMs = 60_000

export function createTrainerProcess(
  jobs: Pick<JobQueue, 'list'>,
  dataFolder: string,
  { start = () => forkTrainer(dataFolder), nowMs = Date.now }: Starting = {},
): TrainerProcess {
  let running: { readonly child: Child; readonly ended: Promise<void> } | null = null
  let isClosing = false
  let pauseMs = 0
  let notBeforeMs = Number.NEGATIVE_INFINITY

  const run = () => {
    const startedMs = nowMs()
    const child = start()
    const ended = new Promise<boolean>((resolve) => {
      child.once('exit', (code) => resolve(code === 0))
      // One that could not be started does not exit.
      child.once('error', () => child.pid === undefined && resolve(false))
    }).then((isWell) => {
      running = null
      const livedMs = nowMs() - startedMs
      pauseMs = isWell || livedMs >= longLifeMs ? 0 : Math.min(Math.max(pauseMs * 2, firstPauseMs), longestPauseMs)
      notBeforeMs = nowMs() + pauseMs
    })
    running = { child, ended }
  }

  return {
    async ensure() {
      const mayStart = () => running === null && !isClosing && nowMs() >= notBeforeMs
      if (!mayStart()) return
      const waits = (await jobs.list()).some(({ state }) => state === 'queued' || state === 'running')
      if (waits && mayStart()) run()
    },
    async close() {
      isClosing = true
      if (running === null) return
      const { child, ended } = running
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
      await ended
      clearTimeout(timer)
    },
  }
}

export const forkTrainer = (dataFolder: string, program: string = trainerMain): ChildProcess =>
  fork(program, {
    // Debuggers and the like of this process are not the child's.
    execArgv: program.endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : [],
    env: { ...environment, POLYRANK_DATA: dataFolder },
  })
