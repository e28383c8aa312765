import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { JobQueue } from '../../pipelines/training/jobs.ts'

const killAfterMs = 5_000

/** Keeps a trainer process running while there are jobs. */
export interface TrainerProcess {
  /** Starts one where jobs wait and none runs. */
  ensure(): Promise<void>
  close(): Promise<void>
}

const trainerFolder = join(import.meta.dirname, '..', 'trainer')
const trainerMain = ['main.ts', 'main.js'].map((file) => join(trainerFolder, file)).find(existsSync)!

export function createTrainerProcess(
  jobs: Pick<JobQueue, 'list'>,
  dataFolder: string,
  program: string = trainerMain,
): TrainerProcess {
  let child: ChildProcess | null = null
  let isClosing = false
  return {
    async ensure() {
      if (child !== null || isClosing) return
      const waits = (await jobs.list()).some(({ state }) => state === 'queued' || state === 'running')
      if (!waits || isClosing || child !== null) return
      child = fork(program, {
        // Debuggers and the like of this process are not the child's.
        execArgv: program.endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : [],
        env: { ...process.env, POLYRANK_DATA: dataFolder },
      })
      child.once('exit', () => {
        child = null
      })
    },
    async close() {
      isClosing = true
      if (child === null) return
      const running = child
      const exited = once(running, 'exit')
      running.kill('SIGTERM')
      const timer = setTimeout(() => running.kill('SIGKILL'), killAfterMs)
      await exited
      clearTimeout(timer)
    },
  }
}
