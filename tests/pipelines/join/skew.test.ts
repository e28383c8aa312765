import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event, SlateEvent } from '../../../pipelines/ingest/events.ts'
import { join } from '../../../pipelines/join/join.ts'
import type { Skew } from '../../../pipelines/join/skew.ts'
import { feedbackAt, pending, slateAt } from './events.ts'
import { createMemoryJoinStore } from './memory-store.ts'
import { keepAll, keepLeast, rankerThat } from './rankers.ts'

const dayMs = 86_400_000
/** Ranked when one slate and a click had been joined: what was served, but for `changes`. */
function servedAt(ms: number, slateId: string, changes: Partial<SlateEvent> = {}): SlateEvent {
  const days = [{ day: 0, impressions: 1, feedback: { click: 1 } }]
  const seen = { impressions: 1, feedback: { click: 1 }, lastImpressionAtMs: 10, days }
  return slateAt(ms, slateId, [], {
    ...{ modelVersion: 'm1', userVersion: null, userTally: seen, historyEnd: 1 },
    items: [
      { itemId: 'a', version: null, tally: null, userItemTally: seen },
      { itemId: 'b', version: null, tally: null, userItemTally: null },
    ],
    ...changes,
  })
}
const past = [slateAt(10, 's0', ['a']), feedbackAt(20, 'a', 'click')]
const none = { compared: 0, different: 0 }

/** What each batch with ranked slates heard; the ranker looks at user counts, user-item counts and history. */
async function heard(batches: readonly (readonly Event[])[], keeps = keepAll): Promise<Skew[]> {
  const memory = createMemoryJoinStore()
  const skews: Skew[] = []
  for (const events of batches) {
    memory.add('rest', pending(events))
    await join({
      ...{ store: memory.store, rankers: [rankerThat('home', 'explicit', keeps)], latenessMs: 0 },
      nowMs: () => dayMs,
      onSkew: (skew) => skews.push(skew),
    })
  }
  return skews
}

test('what was served as the join has it is compared and not different, of the families that the ranker sees', async () => {
  assert.deepEqual(await heard([past, [servedAt(30, 's1')]]), [
    {
      user: { compared: 1, different: 0 },
      item: none,
      userItem: { compared: 2, different: 0 },
      history: { compared: 1, different: 0 },
    },
  ])
})

test('each family that was served otherwise is counted as different', async () => {
  const tally = { impressions: 2, feedback: { click: 1 }, lastImpressionAtMs: 10 }
  const [skew] = await heard([
    past,
    [
      servedAt(30, 's1', { userTally: null }),
      servedAt(31, 's2', { historyEnd: 0 }),
      servedAt(32, 's3', { items: [{ itemId: 'b', userItemTally: tally }] }),
    ],
  ])

  assert.deepEqual(
    [skew!.user, skew!.userItem, skew!.history],
    [
      { compared: 3, different: 1 },
      { compared: 5, different: 1 },
      { compared: 3, different: 1 },
    ],
  )
})

test('what happened before a request and was joined after it makes a difference', async () => {
  const [skew] = await heard([past, [feedbackAt(29, 'a', 'click'), servedAt(30, 's1')]])

  assert.deepEqual(
    [skew!.user, skew!.userItem, skew!.history],
    [
      { compared: 1, different: 1 },
      { compared: 2, different: 1 },
      { compared: 1, different: 1 },
    ],
  )
})

test('logged slates, late ones, and those of a ranker that sees no counts are not compared', async () => {
  assert.deepEqual(await heard([past, [slateAt(30, 's1', ['a'])]]), [])
  assert.deepEqual(await heard([past, [servedAt(20, 's1')]]), [])
  assert.deepEqual(await heard([past, [servedAt(30, 's1')]], keepLeast), [])
  assert.deepEqual(await heard([past, [servedAt(30, 's1', { ranker: 'gone' })]]), [])
})
