import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clockOf,
  joinedMoments,
  knownMoments,
  liveClock,
  mostHeldMs,
  watermarkOf,
} from '../../../pipelines/join/clocks.ts'
import { join } from '../../../pipelines/join/join.ts'
import type { JoinStore, Source } from '../../../pipelines/join/ports.ts'
import { feedbackAt, pending, slateAt } from './events.ts'
import { createMemoryJoinStore, type MemoryJoinStore } from './memory-store.ts'
import { keepAll, rankerThat } from './rankers.ts'

const rankers = [rankerThat('home', 'explicit', keepAll)]
const contextOf = ({ store }: MemoryJoinStore, nowMs = 0) => ({ store, rankers, latenessMs: 0, nowMs: () => nowMs })
const source = (name: string, changes: Partial<Source> = {}): Source => ({
  ...{ name, watermarkMs: 0, joinedToMs: 0, isWaiting: true },
  ...changes,
})
const seenOf = (memory: MemoryJoinStore, slateId: string) => {
  const { userTally, historyEnd, items } = memory.state().slates[slateId]!
  return [userTally?.impressions ?? 0, items[0]!.tally?.impressions ?? 0, historyEnd]
}

test('live sources share a clock, and every backfill has its own, whatever it is called', () => {
  assert.deepEqual(['rest', 'kafka'].map(clockOf), [liveClock, liveClock])
  assert.equal(new Set(['', 'live', 'sample', '@sample', 'rest '].map(clockOf)).size, 5)
  assert.ok(!['', 'live', 'sample'].map(clockOf).includes(liveClock))
})

test('a clock is joined as far as the furthest of its sources', () => {
  const moments = joinedMoments([
    source('kafka', { joinedToMs: 5 }),
    source('old', { joinedToMs: 3 }),
    source('rest', { joinedToMs: 4 }),
  ])

  assert.deepEqual(
    moments,
    new Map([
      [liveClock, 5],
      [clockOf('old'), 3],
    ]),
  )
})

test('the clock of a backfill is its watermark, and that of events taken here the wall', () => {
  const now = { nowMs: 1_000_000, latenessMs: 100 }

  assert.equal(watermarkOf([source('old', { watermarkMs: 7 })], now), 7)
  assert.equal(watermarkOf([source('rest', { watermarkMs: 7 })], now), 999_900)
  assert.equal(watermarkOf([source('kafka', { watermarkMs: 7 })], now), 7)
})

test('live sources wait for the slowest that was ever read, for a minute at most', () => {
  const now = { nowMs: 1_000_000, latenessMs: 0 }
  const withKafkaAt = (watermarkMs: number) => watermarkOf([source('kafka', { watermarkMs }), source('rest')], now)

  assert.equal(withKafkaAt(999_000), 999_000)
  assert.equal(withKafkaAt(1_000_500), 1_000_000)
  assert.equal(withKafkaAt(1), 1_000_000 - mostHeldMs)
  assert.equal(withKafkaAt(0), 1_000_000)
})

test('feedback is known as far as a backfill says, and on live slates as far as the slowest live source is read', () => {
  const [rest, old] = [
    source('rest', { watermarkMs: 3, joinedToMs: 500 }),
    source('old', { watermarkMs: 7, joinedToMs: 5 }),
  ]
  const knownWith = (kafka: Partial<Source>) => Object.fromEntries(knownMoments([source('kafka', kafka), old, rest]))

  assert.deepEqual(knownWith({ watermarkMs: 400 }), { kafka: 400, old: 7, rest: 400 })
  assert.deepEqual(knownWith({ watermarkMs: 900, joinedToMs: 450 }), { kafka: 500, old: 7, rest: 500 })
  assert.deepEqual(knownWith({}), { kafka: 500, old: 7, rest: 500 })
  assert.deepEqual(Object.fromEntries(knownMoments([old])), { old: 7 })
})

test('live sources are joined in one order of time, so that none sees the future of another', async () => {
  const memory = createMemoryJoinStore()
  memory.add('rest', pending([slateAt(10, 'first', ['a']), feedbackAt(30, 'a', 'click', { slateId: 'second' })]))
  memory.add('kafka', pending([slateAt(20, 'second', ['a'])]), 40)

  await join(contextOf(memory, 40))

  assert.deepEqual(seenOf(memory, 'second'), [1, 1, 0])
  assert.deepEqual(
    Object.values(memory.state().sources).map(({ joinedToMs, late }) => [joinedToMs, late]),
    [
      [30, 0],
      [30, 0],
    ],
  )
  assert.equal(memory.state().slates.second!.source, 'kafka')
})

test('a backfill sees its own past and nothing of live traffic, which it leaves as it is', async () => {
  const memory = createMemoryJoinStore()
  memory.add('rest', pending([slateAt(1_000, 'live 1', ['a']), feedbackAt(1_010, 'a', 'click')]))
  await join(contextOf(memory, 1_010))
  memory.add(
    'import',
    pending([slateAt(10, 'old 1', ['a']), feedbackAt(20, 'a', 'like'), slateAt(30, 'old 2', ['a'])]),
    30,
  )
  const joinedBefore = memory.state().sources.rest

  await join(contextOf(memory, 1_010))

  assert.deepEqual(seenOf(memory, 'old 1').slice(0, 2), [0, 0])
  assert.deepEqual(seenOf(memory, 'old 2').slice(0, 2), [1, 1])
  assert.deepEqual(memory.state().slates['old 2']!.items[0]!.tally!.feedback, { like: 1 })
  assert.deepEqual(memory.state().sources.rest, joinedBefore)
  assert.equal(memory.state().sources.import!.late, 0)
})

test('a live slate sees what a backfill has counted, once that lies before it', async () => {
  const memory = createMemoryJoinStore()
  memory.add('import', pending([slateAt(100, 'old', ['a']), feedbackAt(110, 'a', 'like')]), 110)
  await join(contextOf(memory))
  memory.add('rest', pending([110, 111, 112].map((ms) => slateAt(ms, `live ${ms}`, ['a']))))

  await join(contextOf(memory, 200))

  assert.deepEqual(seenOf(memory, 'live 110'), [0, 0, 1])
  assert.deepEqual(seenOf(memory, 'live 111'), [2, 2, 1])
  assert.deepEqual(seenOf(memory, 'live 112'), [3, 3, 1])
  assert.deepEqual(memory.state().slates['live 111']!.items[0]!.tally!.feedback, { like: 1 })
})

test('feedback without a slate feeds counts and history, and waits for nothing', async () => {
  const memory = createMemoryJoinStore()
  memory.add('import', pending([feedbackAt(10, 'a', 'play', { value: 3 }), slateAt(20, 's', ['a'])]), 20)

  await join(contextOf(memory))

  const { slates, history, orphans, examples } = memory.state()
  assert.deepEqual(slates.s!.userTally!.feedback, { play: 1 })
  assert.deepEqual(slates.s!.items[0]!.userItemTally!.feedback, { play: 1 })
  assert.deepEqual(
    history.map(({ itemId, kind, sequence }) => [itemId, kind, sequence]),
    [['a', 'play', 1]],
  )
  assert.equal(slates.s!.historyEnd, 1)
  assert.deepEqual([orphans, Object.values(examples).flatMap(({ feedback }) => feedback)], [[], []])
})

test('clocks take turns, so that live events do not wait for the end of a backfill', async () => {
  const memory = createMemoryJoinStore()
  const old = Array.from({ length: 4_500 }, (_, i) => feedbackAt(i + 1, `i${i}`, 'click'))
  memory.add('import', pending(old), 10_000)
  memory.add('rest', pending([feedbackAt(20_000, 'a', 'click')]))

  await join(contextOf(memory, 20_000))

  assert.deepEqual(memory.batches(), [1_999, 1, 1_999, 502])
})

test('how far a source is joined is read when no other join can move it any more', async () => {
  const memory = createMemoryJoinStore()
  memory.add('import', pending([slateAt(10, 'first', ['a']), feedbackAt(50, 'a', 'click')]), 50)
  let isFirst = true
  const store: JoinStore = {
    ...memory.store,
    async transaction(work) {
      if (isFirst) {
        isFirst = false
        await join(contextOf(memory))
        memory.add('import', pending([slateAt(20, 'late', ['a'])]))
      }
      return memory.store.transaction(work)
    },
  }

  await join({ ...contextOf(memory), store })

  assert.equal(memory.state().slates.late!.items[0]!.tally, null)
  assert.deepEqual([memory.state().sources.import!.late, memory.state().sources.import!.joinedToMs], [1, 50])
})
