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
function expected(log: readonly (readonly PendingEvent[])[], keeps: Keeps) {
  const all = log.flatMap((events, batch) => events.map((event) => ({ ...event, batch })))
  const { slates, examples, tallies, history, orphans } = expectedJoin(all, policies, keeps)
  return {
    slates: Object.fromEntries(slates.map((slate) => [slate.slateId, slate])),
    examples: Object.fromEntries(
      examples.map((example) => [JSON.stringify([example.slateId, example.itemId]), example]),
    ),
    tallies: Object.fromEntries(tallies.map((each) => [JSON.stringify([each.clock, each.scope, each.key]), each])),
    history: byKey(history),
    orphans: orphans.sort(),
  }
}

test('the join comes to what a look at all events at once says', async () => {
  await fc.assert(
    fc.asyncProperty(eventStreams, keepings, async (events, keeps) => {
      const state = await joined(events, keeps, [moments.at(-1)!])

      assert.deepEqual(compared(state), expected([[...events].sort(inOrder)], keeps))
      assert.equal(state.pending.length, 0)
    }),
    { numRuns: 400 },
  )
})

/** Where an event comes from, and in which turn it arrives, late or not. */
const arrivals = fc.array(fc.record({ source: fc.constantFrom('rest', 'kafka', 'import', 'other'), turn: fc.nat(3) }), {
  minLength: 40,
  maxLength: 40,
})
/** How far the clock of each source is in each turn; in the last one all are at their end. */
const turns = fc.array(
  fc.record({
    ...{ rest: fc.nat(9), kafka: fc.nat(9), import: fc.nat(9), other: fc.nat(9) },
  }),
  { minLength: 3, maxLength: 3 },
)

test('sources with clocks of their own, late events and all, come to what a look at all events says', async () => {
  let [late, mixed] = [0, 0]
  await fc.assert(
    fc.asyncProperty(eventStreams, keepings, arrivals, turns, async (events, keeps, arrival, clocks) => {
      const memory = createMemoryJoinStore()
      for (const [turn, at] of [...clocks, { rest: 9, kafka: 9, import: 9, other: 9 }].entries()) {
        for (const source of ['rest', 'kafka', 'import', 'other'] as const) {
          const own = events.filter((_, i) => arrival[i]!.source === source && arrival[i]!.turn === turn)
          memory.add(source, own, moments[at[source]]!)
        }
        await join({
          store: memory.store,
          rankers: rankersThat(keeps),
          latenessMs: 0,
          nowMs: () => moments[at.rest]!,
        })
      }

      const state = memory.state()
      assert.deepEqual(compared(state), expected(memory.log, keeps))
      assert.equal(state.pending.length, 0)
      late += Object.values(state.sources).reduce((sum, source) => sum + source.late, 0)
      mixed += new Set(Object.values(state.tallies).map(({ clock }) => clock)).size > 1 ? 1 : 0
    }),
    { numRuns: 400 },
  )
  assert.ok(late > 100 && mixed > 100, `${late} events came late, ${mixed} streams had several clocks`)
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

test('what was shown, and what came of it, is the same in whatever order and however late events come', async () => {
  await fc.assert(
    fc.asyncProperty(eventStreams, keepings, arrivals, async (events, keeps, arrival) => {
      const slateIds = events.map(({ event }) => (event.type === 'slate' ? event.slateId : null))
      // The first slate of an id counts, and which that is depends on the order.
      const once = events.filter((_, i) => slateIds[i] === null || slateIds.indexOf(slateIds[i]!) === i)
      const memory = createMemoryJoinStore()
      for (const turn of [0, 1, 2, 3]) {
        for (const source of ['import', 'other', 'rest', 'kafka']) {
          const own = once.filter((_, i) => arrival[i]!.source === source && arrival[i]!.turn === turn)
          memory.add(source, own, moments.at(-1)!)
        }
        const context = { store: memory.store, rankers: rankersThat(keeps), latenessMs: 0 }
        await join({ ...context, nowMs: () => moments.at(-1)! })
      }

      const inOrder = await joined(once, keeps, [moments.at(-1)!])
      assert.deepEqual(memory.state().examples, inOrder.examples)
      assert.deepEqual([...memory.state().orphans].sort(), [...inOrder.orphans].sort())
    }),
    { numRuns: 400 },
  )
})
