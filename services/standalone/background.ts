import { setTimeout as wait } from 'node:timers/promises'

export interface Background {
  /** Has the next turn begin in `inMs` at the latest. */
  wake(inMs?: number): void
  /** Waits for the turn that is under way. */
  stop(): Promise<void>
}

/** Does `work` again and again, `pauseMs` after it ended or when it is woken; a failure is reported and tried again. */
export function repeat(pauseMs: number, work: () => Promise<unknown>, onFailure: (error: unknown) => void): Background {
  let isStopping = false
  let wokenMs = Number.POSITIVE_INFINITY
  let sleep = new AbortController()
  const run = async () => {
    while (!isStopping) {
      wokenMs = Number.POSITIVE_INFINITY
      await work().catch(onFailure)
      const dueMs = performance.now() + pauseMs
      while (!isStopping) {
        const leftMs = Math.min(dueMs, wokenMs) - performance.now()
        if (leftMs <= 0) break
        sleep = new AbortController()
        // Aborted: that is how it is woken, to end or to look again at when it is due.
        await wait(leftMs, undefined, { signal: sleep.signal }).catch(() => {})
      }
    }
  }
  const ended = run()
  return {
    wake(inMs = 0) {
      wokenMs = Math.min(wokenMs, performance.now() + inMs)
      sleep.abort()
    },
    async stop() {
      isStopping = true
      sleep.abort()
      await ended
    },
  }
}
