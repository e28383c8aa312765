import type { Session } from './device.ts'
import type { TypedArray } from './program.ts'

/** How sessions are timed: in rounds, so that what else the machine does meets all of them alike. */
const warmUps = 3
const rounds = 3
const runsOfRound = 5
/** No further round begins after so long; a step of seconds needs no more. */
const enoughMs = 5_000

/**
 * How long a run of each session takes, ms: the median of several. Sessions take turns; the first run of each turn is
 * not counted, since threads and caches are still the other session's. `nowMs` may count from anywhere.
 */
export async function timeRuns(
  sessions: readonly Session[],
  feeds: Readonly<Record<string, TypedArray>>,
  nowMs: () => number,
): Promise<number[]> {
  const startedMs = nowMs()
  const times = sessions.map((): number[] => [])
  for (const session of sessions) for (let i = 0; i < warmUps; i++) await session.run(feeds)
  for (let round = 0; round < rounds && (round === 0 || nowMs() - startedMs < enoughMs); round++) {
    for (const [i, session] of sessions.entries()) {
      await session.run(feeds)
      for (let run = 0; run < runsOfRound; run++) {
        const beganMs = nowMs()
        await session.run(feeds)
        times[i]!.push(nowMs() - beganMs)
      }
    }
  }
  return times.map(median)
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
