import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EachBatchPayload } from 'kafkajs'
import { Fault } from '../../../models/spec/fault.ts'
import type { Claim, IngestStore } from '../../../pipelines/ingest/ports.ts'
import type { Extent } from '../../../services/adapters/kafka/offsets.ts'
import { newPartition, stateOf } from '../../../services/ingestor/partitions.ts'
import { type TakeContext, takeBatch } from '../../../services/ingestor/take.ts'

/** A partition that reads from 10 on, a storage that may fail, and what was asked of the reader. */
function stage({ fault, extent }: { fault?: Fault; extent?: Extent } = {}) {
  const claims: Claim[] = []
  const events: string[] = []
  const asked: string[] = []
  const said: string[] = []
  const answers: { fault: Fault | undefined; extent: Extent | undefined } = { fault, extent }
  const store: IngestStore = {
    async transaction(work) {
      if (answers.fault !== undefined) throw answers.fault
      const never = async () => assert.fail('it is not asked for this')
      return work({
        ...{ newestPending: never, holdLetter: never, resolveLetter: never, keepLetter: never, advance: never },
        accept: async (given) => {
          events.push(...given.map(({ event }) => event.eventId))
          return given.map(() => 'accepted')
        },
        quarantine: async () => {},
        claim: async (claim) => void claims.push(claim),
      })
    },
  }
  const partition = Object.assign(newPartition('t', 0), { state: 'reading', stored: 10, next: 10 })
  const context: TakeContext = {
    ...{
      store,
      rankers: ['home'],
      group: 'g',
      catalog: 'c',
      latenessMs: 0,
      heartbeatMs: 3_000,
      nowMs: () => Date.UTC(2026, 0, 1),
    },
    reader: {
      seek: (_, offset) => void asked.push(`seek ${offset}`),
      pause: () => void asked.push('pause'),
      resume: () => void asked.push('resume'),
    },
    extentOf: async () => answers.extent,
    say: (_, { code }) => void said.push(code),
    onTaken: () => {},
    lookSoon: () => void asked.push('look'),
  }
  return { partition, claims, events, asked, said, answers, context }
}

/** A batch of records at these offsets; `from` and `last` where it begins and ends with something that is not handed over. */
function payload(
  offsets: readonly number[],
  { from = offsets[0]!, last = offsets.at(-1)!, beats = [] as string[] } = {},
) {
  const event = (offset: number) => ({
    ...{ type: 'feedback', eventId: `e${offset}`, occurredAt: '2025-01-01T00:00:00Z' },
    ...{ userId: 'u', itemId: 'i', kind: 'click' },
  })
  const messages = offsets.map((offset) => ({
    ...{ offset: String(offset), timestamp: '0', key: null, headers: {}, attributes: 0 },
    value: Buffer.from(JSON.stringify(event(offset))),
  }))
  const batch = { messages, firstOffset: () => String(from), lastOffset: () => String(last) }
  return {
    batch,
    resolveOffset: (offset: string) => void beats.push(`resolve ${offset}`),
    heartbeat: async () => void beats.push('heartbeat'),
    commitOffsetsIfNecessary: async (given: { topics: { partitions: { offset: string }[] }[] }) =>
      void beats.push(`commit ${given.topics[0]!.partitions[0]!.offset}`),
    isRunning: () => true,
    isStale: () => false,
  } as unknown as EachBatchPayload
}

test('a batch is stored from the expected offset on, and the position moves behind all of it', async () => {
  const { partition, claims, events, context } = stage()
  const beats: string[] = []

  await takeBatch(partition, payload([8, 9, 10, 12], { from: 7, last: 14, beats }), context)

  assert.deepEqual(events, ['e10', 'e12'])
  assert.deepEqual(
    claims.map(({ group, fromOffset, nextOffset }) => [group, fromOffset, nextOffset]),
    [['g', 10, 15]],
  )
  assert.deepEqual(beats, ['resolve 12', 'commit 15', 'heartbeat'])
  assert.equal(stateOf(partition).nextOffset, 15)
})

test('a batch of which only its end is new is read again from there', async () => {
  const { partition, asked, context } = stage()

  await takeBatch(partition, payload([8, 9], { last: 14 }), context)

  assert.deepEqual([asked, partition.suspected], [['seek 10'], null])
})

test('a long batch is stored in runs of two thousand, with a sign of life after each', async () => {
  const { partition, claims, context } = stage()
  const beats: string[] = []

  await takeBatch(
    partition,
    payload(
      Array.from({ length: 4_500 }, (_, i) => 10 + i),
      { beats },
    ),
    context,
  )

  assert.deepEqual(
    claims.map(({ fromOffset, nextOffset }) => [fromOffset, nextOffset]),
    [
      [10, 2_010],
      [2_010, 4_010],
      [4_010, 4_510],
    ],
  )
  assert.equal(beats.filter((beat) => beat === 'heartbeat').length, 3)
})

test('a batch behind a gap is asked for anew, and taken when it comes again and nothing was deleted', async () => {
  const { partition, claims, asked, context } = stage({ extent: { low: 0, high: 20 } })

  await takeBatch(partition, payload([13, 14]), context)
  const before = claims.length
  await takeBatch(partition, payload([13, 14]), context)

  assert.deepEqual([before, asked], [0, ['seek 10']])
  assert.deepEqual(
    claims.map(({ fromOffset, nextOffset }) => [fromOffset, nextOffset]),
    [[10, 15]],
  )
})

test('a gap is not believed where the broker does not say what there is, and stops where records were deleted', async () => {
  const { partition, claims, asked, answers, said, context } = stage()
  await takeBatch(partition, payload([13]), context)

  await takeBatch(partition, payload([13]), context)
  answers.extent = { low: 13, high: 20 }
  await takeBatch(partition, payload([13]), context)

  assert.deepEqual(claims, [])
  assert.deepEqual(asked, ['seek 10', 'seek 10', 'pause'])
  assert.deepEqual([said, stateOf(partition).state], [['KAFKA_RECORDS_GONE'], 'stopped'])
})

test('where the storage is away the partition waits longer each time, says so once, and takes nothing meanwhile', async () => {
  const { partition, asked, said, answers, claims, context } = stage({
    fault: new Fault('STORAGE_UNAVAILABLE', 'away', { retry: true }),
  })
  const waits: number[] = []
  for (let turn = 0; turn < 3; turn++) {
    Object.assign(partition, { state: 'reading' })
    const beforeMs = performance.now()
    await takeBatch(partition, payload([10]), context)
    waits.push(Math.floor((partition.againAtMs - beforeMs) / 100))
  }
  answers.fault = undefined
  await takeBatch(partition, payload([10]), context)

  assert.deepEqual(
    waits.map((wait, i) => wait >= 2 ** i),
    [true, true, true],
  )
  assert.deepEqual(asked, ['pause', 'pause', 'pause'])
  assert.deepEqual([said, claims, stateOf(partition).state], [['STORAGE_UNAVAILABLE'], [], 'waiting'])
})

for (const [what, fault, code] of [
  ['a fault that no other try mends', new Fault('STORAGE_FAILED', 'no'), 'STORAGE_FAILED'],
  ['an error that nobody foresaw', new TypeError('x is not a function') as unknown as Fault, 'INGEST_FAILED'],
] as const) {
  test(`${what} stops the partition where it stands`, async () => {
    const { partition, asked, said, context } = stage({ fault })

    await takeBatch(partition, payload([10, 11]), context)

    const { state, nextOffset, fault: why } = stateOf(partition)
    assert.deepEqual([state, nextOffset, why?.code, asked, said], ['stopped', 10, code, ['pause'], [code]])
  })
}

test('a position that was moved has the partition looked at, and is no failure', async () => {
  const { partition, asked, said, context } = stage({ fault: new Fault('POSITION_MOVED', 'moved', { retry: true }) })

  await takeBatch(partition, payload([10]), context)

  assert.deepEqual(
    [stateOf(partition).state, stateOf(partition).fault, asked, said],
    ['waiting', null, ['pause', 'look'], []],
  )
})

test("Kafka's own account of the position may fail; the group's call to join anew may not", async () => {
  const { partition, claims, context } = stage()
  const refuse = async () => {
    throw new Error('rebalancing')
  }

  await takeBatch(partition, { ...payload([10]), commitOffsetsIfNecessary: refuse }, context)
  const joining = takeBatch(partition, { ...payload([11]), heartbeat: refuse }, context)

  await assert.rejects(joining, /rebalancing/)
  assert.equal(claims.length, 2)
})
