import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Session } from '../../../models/engine/device.ts'
import { timeRuns } from '../../../models/engine/timed.ts'

/** A clock that only runs take time on, and sessions on it. */
function clock() {
  let nowMs = 1_000_000
  const order: string[] = []
  /** Its runs take the times in turn, and the last one from then on. */
  const session = (name: string, ...times: readonly number[]): Session => {
    let runs = 0
    return {
      async run() {
        nowMs += times[Math.min(runs++, times.length - 1)]!
        order.push(name)
        return {}
      },
      readState: async () => ({}),
      close: async () => {},
    }
  }
  return { now: () => nowMs, session, order }
}

test('what a run takes is told for each session, in their order', async () => {
  const { now, session } = clock()

  assert.deepEqual(await timeRuns([session('a', 40), session('b', 28.5)], {}, now), [40, 28.5])
})

test('first runs, which compile, do not count, and neither does one that was held up', async () => {
  const { now, session } = clock()
  const slowAtFirst = session('a', 9_000, 500, 90, 10, 10, 10, 700, 10)

  assert.deepEqual(await timeRuns([slowAtFirst], {}, now), [10])
})

test('sessions take turns, several runs each', async () => {
  const { now, session, order } = clock()

  await timeRuns([session('a', 1), session('b', 1)], {}, now)

  const turns = order.join('').match(/a+|b+/g)!
  assert.ok(turns.length >= 6, turns.join(' '))
  assert.ok(turns.every((turn) => turn.length > 2))
})

test('runs of seconds are timed in one round', async () => {
  const { now, session, order } = clock()

  assert.deepEqual(await timeRuns([session('a', 3_000), session('b', 2_000)], {}, now), [3_000, 2_000])

  assert.equal(order.join('').match(/a+|b+/g)!.length, 4)
})

test('the time told lies between the fastest and the slowest run, at the middle of those that count', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 40, maxLength: 40 }), async (times) => {
      const { now, session } = clock()

      const [told] = await timeRuns([session('a', ...times)], {}, now)

      // Three to warm up, then three rounds of one that does not count and five that do.
      const counted = [0, 1, 2].flatMap((round) => times.slice(3 + round * 6 + 1, 3 + round * 6 + 6))
      assert.equal(told, counted.toSorted((a, b) => a - b)[7])
    }),
  )
})

test('every run has the feeds that were given', async () => {
  const { now } = clock()
  const fed: unknown[] = []
  const feeds = { x: Float32Array.of(1) }

  const listening: Session = {
    async run(given) {
      fed.push(given)
      return {}
    },
    readState: async () => ({}),
    close: async () => {},
  }
  await timeRuns([listening], feeds, now)

  assert.ok(fed.length > 5 && fed.every((given) => given === feeds))
})
