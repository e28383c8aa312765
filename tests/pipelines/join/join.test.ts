import assert from 'node:assert/strict'
import { test } from 'node:test'
import { liveSource } from '../../../pipelines/ingest/ingest.ts'
import { join } from '../../../pipelines/join/join.ts'
import { feedbackAt, impressionAt, itemAt, pending, slateAt, userAt } from './events.ts'
import { createMemoryJoinStore, exampleOf, type MemoryJoinStore, tallyOf } from './memory-store.ts'
import { keepAll, rankerThat } from './rankers.ts'

const rankers = [rankerThat('home', 'explicit', keepAll)]
const contextOf = ({ store }: MemoryJoinStore, nowMs = 0, latenessMs = 0) => ({
  store,
  rankers,
  latenessMs,
  nowMs: () => nowMs,
})
const many = (count: number, atMs: (i: number) => number) =>
  pending(Array.from({ length: count }, (_, i) => feedbackAt(atMs(i), `i${i}`, 'click')))

test('with no source, or nothing pending, there is nothing to join', async () => {
  const memory = createMemoryJoinStore()

  assert.equal(await join(contextOf(memory)), 0)
  memory.add('import', [], 100)
  assert.equal(await join(contextOf(memory)), 0)
  assert.deepEqual(memory.batches(), [])
})

test('all that is pending is joined in batches, and how many so far is told after each', async () => {
  const memory = createMemoryJoinStore()
  memory.add(
    'import',
    many(4_500, (i) => i + 1),
    10_000,
  )
  const told: number[] = []

  const joined = await join(contextOf(memory), (count) => told.push(count))

  assert.equal(joined, 4_500)
  assert.deepEqual(told, [1_999, 3_998, 4_500])
  assert.equal(memory.state().history.length, 4_500)
  assert.equal(memory.state().sources.import!.joinedToMs, 4_500)
})

test('a batch ends between two moments, however many events one moment has', async () => {
  const memory = createMemoryJoinStore()
  memory.add(
    'import',
    many(9_000, (i) => (i < 1_000 ? 1 : i < 8_000 ? 2 : 3)),
    10,
  )

  await join(contextOf(memory))

  assert.deepEqual(memory.batches(), [1_000, 7_000, 1_000])
})

test('a slate at the end of a batch and its feedback of the same moment are joined together', async () => {
  const memory = createMemoryJoinStore()
  const moment = pending([
    slateAt(5_000, 's1', ['a']),
    slateAt(5_000, 's2', ['a']),
    feedbackAt(5_000, 'a', 'click', { slateId: 's1' }),
  ])
  memory.add('import', [...many(1_999, (i) => i + 1), ...moment], 10_000)

  await join(contextOf(memory))

  assert.equal(memory.state().slates.s2!.items[0]!.tally, null)
  assert.equal(exampleOf(memory.state(), 's1', 'a')!.feedback.length, 1)
})

test('live events wait until those on their way can have come; imports follow their own clock', async () => {
  const memory = createMemoryJoinStore()
  memory.add(
    liveSource,
    many(3, (i) => 100 + 10 * i),
  )
  memory.add(
    'import',
    many(3, (i) => 5 + i).map((event) => ({ ...event, eventId: `old ${event.eventId}` })),
    6,
  )

  assert.equal(await join(contextOf(memory, 140, 30)), 4)
  assert.deepEqual(
    memory.state().pending.map(({ source, occurredAtMs }) => [source, occurredAtMs]),
    [
      [liveSource, 120],
      ['import', 7],
    ],
  )
  assert.deepEqual(
    Object.values(memory.state().sources).map(({ name, joinedToMs, late }) => [name, joinedToMs, late]),
    [
      [liveSource, 110, 0],
      ['import', 6, 0],
    ],
  )
})

test('an import of the past is not late, and makes nothing live late', async () => {
  const memory = createMemoryJoinStore()
  memory.add(liveSource, pending([slateAt(1_000, 'live 1', ['a'])]))
  await join(contextOf(memory, 1_000))
  memory.add('import', pending([slateAt(10, 'old', ['b'])]), 10)
  memory.add(liveSource, pending([slateAt(1_001, 'live 2', ['a'])]))

  await join(contextOf(memory, 2_000))

  assert.deepEqual(
    Object.values(memory.state().sources).map(({ late }) => late),
    [0, 0],
  )
  assert.equal(memory.state().slates['live 2']!.items[0]!.tally!.impressions, 1)
})

test('late events are counted, and change what they change', async () => {
  const memory = createMemoryJoinStore()
  memory.add('import', pending([slateAt(10, 's', ['a']), feedbackAt(50, 'b', 'click')]), 50)
  await join(contextOf(memory))
  const late = [
    feedbackAt(20, 'a', 'click', { slateId: 's' }),
    feedbackAt(50, 'a', 'like'),
    feedbackAt(51, 'a', 'like'),
  ]
  memory.add('import', pending(late), 51)

  await join(contextOf(memory))

  const { late: count, joinedToMs } = memory.state().sources.import!
  assert.deepEqual([count, joinedToMs], [2, 51])
  assert.deepEqual(
    exampleOf(memory.state(), 's', 'a')!.feedback.map(({ kind }) => kind),
    ['click'],
  )
  assert.deepEqual(tallyOf(memory.state(), 'item', 'a')!.feedback, { click: 1, like: 2 })
})

test('late events do not move the cursor of their source back', async () => {
  const memory = createMemoryJoinStore()
  memory.add('import', pending([feedbackAt(50, 'a', 'click')]), 60)
  await join(contextOf(memory))
  memory.add('import', pending([feedbackAt(20, 'a', 'click')]))

  await join(contextOf(memory))

  assert.equal(memory.state().sources.import!.joinedToMs, 50)
})

test('the catalogue of a batch is known to its slates, and deletions are entries like any other', async () => {
  const memory = createMemoryJoinStore()
  const events = [
    ...[userAt(5, 'u', { features: { age: 3 } }), itemAt(5, 'a', { features: { price: 1 } })],
    ...[
      slateAt(10, 's1', ['a']),
      itemAt(20, 'a', { deleted: true }),
      slateAt(20, 's2', ['a']),
      slateAt(4, 's0', ['a']),
    ],
  ]
  memory.add('import', pending(events), 100)

  await join(contextOf(memory))

  const { catalog, slates } = memory.state()
  assert.deepEqual(
    catalog.map(({ version, kind, id, features, deleted }) => [version, kind, id, features, deleted]),
    [
      [1, 'item', 'a', { price: 1 }, false],
      [2, 'user', 'u', { age: 3 }, false],
      [3, 'item', 'a', {}, true],
    ],
  )
  assert.deepEqual(
    ['s0', 's1', 's2'].map((slateId) => [slates[slateId]!.items[0]!.version, slates[slateId]!.userVersion]),
    [
      [null, null],
      [1, 2],
      [3, 2],
    ],
  )
})

test('a catalogue entry that comes late is known to what is joined after it, from its own moment on', async () => {
  const memory = createMemoryJoinStore()
  memory.add('import', pending([slateAt(50, 's1', ['a'])]), 50)
  await join(contextOf(memory))
  memory.add('import', pending([itemAt(20, 'a'), slateAt(60, 's2', ['a'])]), 60)

  await join(contextOf(memory))

  const { s1, s2 } = memory.state().slates
  assert.deepEqual([s1!.items[0]!.version, s2!.items[0]!.version], [null, 1])
})

test('what waits is adopted in a later batch, and waits no more', async () => {
  const memory = createMemoryJoinStore()
  const steps = [
    [feedbackAt(10, 'a', 'click', { slateId: 's' }), impressionAt(11, 's', 'a')],
    [slateAt(20, 's', ['a', 'b'], { modelVersion: 'm1' }), feedbackAt(21, 'b', 'click', { slateId: 's' })],
    [impressionAt(30, 's', 'b')],
  ]
  const waiting: number[] = []

  for (const [i, events] of steps.entries()) {
    memory.add('import', pending(events), 10 * (i + 1) + 5)
    await join(contextOf(memory))
    waiting.push(memory.state().orphans.length)
  }

  assert.deepEqual(waiting, [2, 1, 0])
  assert.deepEqual(
    ['a', 'b'].map((itemId) =>
      exampleOf(memory.state(), 's', itemId)!.feedback.map(({ occurredAtMs }) => occurredAtMs),
    ),
    [[10], [21]],
  )
})

test('a batch that breaks at any step leaves nothing of itself, and is joined whole the next time', async () => {
  const events = pending([...[itemAt(1, 'a'), slateAt(10, 's', ['a']), feedbackAt(20, 'a', 'click', { slateId: 's' })]])
  const whole = createMemoryJoinStore()
  whole.add('import', events, 100)
  await join(contextOf(whole))

  for (const step of ['addCatalog', 'save', 'finish', 'commit']) {
    const memory = createMemoryJoinStore()
    memory.add('import', events, 100)
    const before = memory.state()
    memory.breakAt(step)

    await assert.rejects(join(contextOf(memory)), { message: `broken at ${step}` })

    assert.equal(memory.state(), before)
    memory.breakAt(null)
    assert.equal(await join(contextOf(memory)), 3)
    assert.deepEqual(memory.state(), whole.state())
  }
})

test('batches that were finished before a later one breaks stay joined', async () => {
  const memory = createMemoryJoinStore()
  memory.add(
    'import',
    many(3_000, (i) => i + 1),
    10_000,
  )

  await assert.rejects(
    join(contextOf(memory), () => memory.breakAt('save')),
    { message: 'broken at save' },
  )

  assert.equal(memory.state().pending.length, 1_001)
  assert.equal(memory.state().history.length, 1_999)
})
