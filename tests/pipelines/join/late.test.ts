import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LatePolicy } from '../../../pipelines/ingest/event-settings.ts'
import type { Event } from '../../../pipelines/ingest/events.ts'
import { join } from '../../../pipelines/join/join.ts'
import { feedbackAt, impressionAt, pending, slateAt } from './events.ts'
import { createMemoryJoinStore, exampleOf, tallyOf } from './memory-store.ts'
import { keepAll, rankerThat } from './rankers.ts'

const rankers = [rankerThat('home', 'explicit', keepAll), rankerThat('scrolled', 'until-last-feedback', keepAll)]
const click = (ms: number, slateId: string, itemId = 'a') => feedbackAt(ms, itemId, 'click', { slateId })

/** Each step is whole up to its last moment when the next one comes. */
async function joinedIn(steps: readonly (readonly Event[])[], late: LatePolicy, source = 'import') {
  const memory = createMemoryJoinStore()
  for (const events of steps) {
    const all = pending(events)
    const lastMs = Math.max(...all.map(({ occurredAtMs }) => occurredAtMs))
    memory.add(source, all, lastMs)
    await join({ store: memory.store, rankers, latenessMs: 0, late, nowMs: () => lastMs })
  }
  return memory.state()
}
const first = [slateAt(10, 's', ['a', 'b']), feedbackAt(50, 'z', 'click')]

test('late feedback amends the example of a slate that was joined before, or by policy only counts', async () => {
  const [amended, ignored] = [
    await joinedIn([first, [click(20, 's'), click(51, 's')]], 'amend'),
    await joinedIn([first, [click(20, 's'), click(51, 's')]], 'ignore'),
  ]

  assert.deepEqual(
    [amended, ignored].map((state) => exampleOf(state, 's', 'a')!.feedback.map(({ occurredAtMs }) => occurredAtMs)),
    [[20, 51], [51]],
  )
  for (const state of [amended, ignored]) {
    assert.equal(state.sources.import!.late, 1)
    assert.equal(tallyOf(state, 'item', 'a')!.feedback.click, 2)
    assert.equal(state.history.length, 3)
    assert.deepEqual(state.orphans, [])
  }
})

test('feedback that is not late is joined under either policy, however late its impression', async () => {
  const served = slateAt(10, 's', ['a'], { modelVersion: 'm1' })
  for (const late of ['amend', 'ignore'] as const) {
    const state = await joinedIn([[served, click(20, 's'), ...first.slice(1)], [impressionAt(15, 's', 'a')]], late)

    assert.equal(exampleOf(state, 's', 'a')!.feedback.length, 1)
    assert.deepEqual(state.orphans, [])
  }
})

test('late feedback shows nothing either where it is ignored', async () => {
  const steps = [
    [slateAt(10, 's', ['a', 'b'], { ranker: 'scrolled', modelVersion: 'm1' }), first[1]!],
    [click(20, 's')],
  ]
  const [amended, ignored] = [await joinedIn(steps, 'amend'), await joinedIn(steps, 'ignore')]

  assert.deepEqual([Object.keys(amended.examples).length, Object.keys(ignored.examples).length], [1, 0])
})

test('late feedback meets a slate that comes with it or after it, whatever the policy', async () => {
  const state = await joinedIn(
    [first, [slateAt(15, 'with', ['a']), click(20, 'with'), click(20, 'after')], [slateAt(60, 'after', ['a'])]],
    'ignore',
  )

  assert.equal(exampleOf(state, 'with', 'a')!.feedback.length, 1)
  assert.equal(exampleOf(state, 'after', 'a')!.feedback.length, 1)
  assert.deepEqual(state.orphans, [])
})

test('feedback of one clock is not late by another', async () => {
  const memory = createMemoryJoinStore()
  const context = { store: memory.store, rankers, latenessMs: 0, late: 'ignore' as const, nowMs: () => 1_000 }
  memory.add('rest', pending([feedbackAt(1_000, 'z', 'click')]))
  memory.add('import', pending([slateAt(10, 's', ['a'])]), 10)
  await join(context)
  memory.add('import', pending([click(20, 's')]), 20)

  await join(context)

  assert.equal(exampleOf(memory.state(), 's', 'a')!.feedback.length, 1)
})
