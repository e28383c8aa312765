import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { EventOutcome } from '../../../pipelines/ingest/ingest.ts'
import { feedback, openWorld, until, type World } from './kafka-world.ts'

let world: World
beforeEach(async () => {
  world = await openWorld()
})
afterEach(() => world.close())

const total = 20_000

test('members that come and go in the middle take each event once', async () => {
  await world.makeTopics()
  const ids = Array.from({ length: total }, (_, i) => `e${i}`)
  const counts = { accepted: 0, duplicate: 0, quarantined: 0 }
  const onTaken = (outcomes: readonly EventOutcome[]) => {
    for (const { outcome } of outcomes) counts[outcome]++
  }
  const send = (from: number, to: number) =>
    world.send(
      world.feedbackTopic,
      ids.slice(from, to).map((id, i) => ({ value: feedback(id), partition: i % 2 })),
    )
  const sending = (async () => {
    for (let from = 0; from < total; from += 500) await send(from, from + 500)
  })()

  const first = await world.start({}, { onTaken })
  await world.stored(1_000)
  const second = await world.start({}, { onTaken })
  const assigned = (which: typeof first) => which.states().partitions.length
  await until('both have partitions', () => assigned(first) === 4 && assigned(second) === 4)
  await world.stored(5_000)
  await world.end(first)
  const third = await world.start({}, { onTaken })
  await until('all are shared again', () => assigned(second) === 4 && assigned(third) === 4)
  await sending
  await world.stored(total)

  await until('both positions are at the end', async () => {
    const ends = [await world.position(0), await world.position(1)]
    return ends.every((each) => each?.nextOffset === total / 2)
  })
  assert.deepEqual(counts, { accepted: total, duplicate: 0, quarantined: 0 })
  assert.deepEqual(await world.ids(), ids.toSorted())
  assert.deepEqual(world.said, [])
})
