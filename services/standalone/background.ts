import { setTimeout as wait } from 'node:timers/promises'

/** Does `work` again and again, `pauseMs` after it ended; a failure is reported and tried again. Returns what stops it. */
export function repeat(
  pauseMs: number,
  work: () => Promise<unknown>,
  onFailure: (error: unknown) => void,
): () => Promise<void> {
  const stopping = new AbortController()
  const run = async () => {
    while (!stopping.signal.aborted) {
      await work().catch(onFailure)
      // Aborted: that is how it is woken to end.
      await wait(pauseMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }
  const ended = run()
  return async () => {
    stopping.abort()
    await ended
  }
}
