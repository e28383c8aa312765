import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Keeps } from '../../../pipelines/join/fold.ts'
import { join } from '../../../pipelines/join/join.ts'
import type { PendingEvent } from '../../../pipelines/join/ports.ts'
import { createMemoryJoinStore, inOrder, type JoinState } from './memory-store.ts'
import { expectedJoin } from './oracle.ts'
import { eventStreams, moments } from './random-events.ts'
import { rankerThat } from './rankers.ts'

const policies = { explicit: 'explicit', top: 'top', 'until-last-feedback': 'until-last-feedback' } as const
const keepings: fc.Arbitrary<Keeps> = fc.record({
  userItemTallies: fc.boolean(),
  days: fc.boolean(),
  history: fc.boolean(),
})
const rankersThat = (keeps: Keeps) => Object.values(policies).map((policy) => rankerThat(policy, policy, keeps))

/** Everything of an import, joined whenever its clock reaches one of `stops`. */
async function joined(events: readonly PendingEvent[], keeps: Keeps, stops: readonly number[]): Promise<JoinState> {
  const memory = createMemoryJoinStore()
  const context = { store: memory.store, rankers: rankersThat(keeps), latenessMs: 0, nowMs: () => 0 }
  memory.add('import', events)
  for (const watermarkMs of [...stops].sort((a, b) => a - b)) {
    memory.add('import', [], watermarkMs)
    await join(context)
  }
  return memory.state()
}

const byKey = <Value>(values: readonly Value[]) => values.map((value) => JSON.stringify(value)).sort()
const compared = ({ slates, examples, tallies, history, orphans }: JoinState) => ({
  slates,
  examples,
  tallies,
  history: byKey(history),
  orphans: [...orphans].sort(),
})

test('the join comes to what a look at all events at once says', async () => {
  await fc.assert(
    fc.asyncProperty(eventStreams, keepings, async (events, keeps) => {
      const state = await joined(events, keeps, [moments.at(-1)!])

      const expected = expectedJoin([...events].sort(inOrder), policies, keeps)
      assert.deepEqual(compared(state), {
        slates: Object.fromEntries(expected.slates.map((slate) => [slate.slateId, slate])),
        examples: Object.fromEntries(
          expected.examples.map((example) => [JSON.stringify([example.slateId, example.itemId]), example]),
        ),
        tallies: Object.fromEntries(
          expected.tallies.map(({ scope, key, tally }) => [JSON.stringify([scope, key]), tally]),
        ),
        history: byKey(expected.history),
        orphans: expected.orphans.sort(),
      })
      assert.equal(state.pending.length, 0)
    }),
    { numRuns: 400 },
  )
})

test('however a stream is cut into batches, between moments, it comes to the same', async () => {
  await fc.assert(
    fc.asyncProperty(eventStreams, keepings, fc.subarray(moments), async (events, keeps, stops) => {
      const last = moments.at(-1)!

      const atOnce = await joined(events, keeps, [last])
      const inParts = await joined(events, keeps, [...stops, last])

      assert.deepEqual(compared(inParts), compared(atOnce))
      assert.deepEqual([inParts.catalog, inParts.pending], [atOnce.catalog, []])
    }),
    { numRuns: 300 },
  )
})
