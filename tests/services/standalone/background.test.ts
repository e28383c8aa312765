import assert from 'node:assert/strict'
import { test } from 'node:test'
import { repeat } from '../../../services/standalone/background.ts'
import { promised } from '../ranker/fake-scoring.ts'

const anHour = 3_600_000
const never = (error: unknown) => {
  throw error
}

test('work is done again and again, one after the other, until it is stopped', async () => {
  const enough = promised()
  let [turns, inside, most] = [0, 0, 0]
  const { stop } = repeat(
    0,
    async () => {
      inside++
      most = Math.max(most, inside)
      await Promise.resolve()
      inside--
      if (++turns === 5) enough.keep()
    },
    never,
  )
  await enough.promise

  await stop()
  const stopped = turns
  await new Promise(setImmediate)

  assert.deepEqual([turns, most], [stopped, 1])
})

test('stopping wakes it from its pause', async () => {
  let turns = 0
  const { stop } = repeat(
    anHour,
    async () => {
      turns++
    },
    never,
  )
  await new Promise(setImmediate)

  await stop()

  assert.equal(turns, 1)
})

test('stopping waits for the work that is under way', async () => {
  const work = promised()
  let isDone = false
  const { stop } = repeat(
    anHour,
    async () => {
      await work.promise
      isDone = true
    },
    never,
  )

  const stopped = stop()
  assert.equal(isDone, false)
  work.keep()
  await stopped

  assert.equal(isDone, true)
})

test('work that fails is reported and tried again', async () => {
  const enough = promised()
  const failures: string[] = []
  let turns = 0
  const { stop } = repeat(
    0,
    async () => {
      if (++turns === 3) enough.keep()
      if (turns < 3) throw new Error(`turn ${turns}`)
    },
    (error) => failures.push((error as Error).message),
  )

  await enough.promise
  await stop()

  assert.deepEqual(failures, ['turn 1', 'turn 2'])
})

test('woken, it begins its next turn at once; woken while at work, right after it', async () => {
  let turns = 0
  const [second, third] = [promised(), promised()]
  const { wake, stop } = repeat(
    anHour,
    async () => {
      turns++
      if (turns === 1) return
      if (turns === 2) wake()
      ;(turns === 2 ? second : third).keep()
    },
    never,
  )
  await new Promise(setImmediate)

  wake()
  await second.promise
  await third.promise

  await stop()
  assert.equal(turns, 3)
})

test('of several calls the earliest counts', async () => {
  let turns = 0
  const second = promised()
  const { wake, stop } = repeat(
    anHour,
    async () => {
      if (++turns === 2) second.keep()
    },
    never,
  )
  await new Promise(setImmediate)

  wake(anHour / 2)
  wake(1)
  wake(anHour / 4)
  await second.promise

  await stop()
  assert.equal(turns, 2)
})
