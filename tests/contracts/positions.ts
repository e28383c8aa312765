import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Claim, DeadLetters, EventLedger, IngestStore, PositionStore } from '../../pipelines/ingest/ports.ts'
import type { Source } from '../../pipelines/join/ports.ts'
import { itemEvent, startMs } from './sent.ts'

export interface PositionPorts {
  readonly store: IngestStore
  readonly positions: PositionStore
  readonly ledger: EventLedger
  readonly deadLetters: DeadLetters
  sources(): Promise<readonly Source[]>
}

/** What reading partitions keeps to. Each test has a consumer group and a source of its own. */
export function positionContract(open: () => Promise<PositionPorts>): void {
  const topic = 'feedback'
  const at = (partition: number, nextOffset: number, watermarkMs = 0) => ({ topic, partition, nextOffset, watermarkMs })
  const move = (group: string, fromOffset: number, nextOffset: number, watermarkMs = 0): Claim => ({
    ...at(0, nextOffset, watermarkMs),
    group,
    fromOffset,
  })

  test('a partition is begun once, and goes on where it was', async () => {
    const { store, positions } = await open()
    await positions.begin('begun', 'begun', [at(0, 5), at(1, 0)])
    await store.transaction((transaction) => transaction.claim(move('begun', 5, 8, 40)))

    await positions.begin('begun', 'begun', [at(0, 0), at(1, 3), at(2, 0)])

    assert.deepEqual(await positions.list('begun'), [at(0, 8, 40), at(1, 0), at(2, 0)])
    assert.deepEqual(await positions.list('another'), [])
  })

  test('who believes a position to be elsewhere takes nothing', async () => {
    const { store, positions, ledger } = await open()
    await positions.begin('fenced', 'fenced', [at(0, 0)])
    const take = (eventId: string, fromOffset: number, nextOffset: number) =>
      store.transaction(async (transaction) => {
        await transaction.accept([itemEvent(eventId)], 'fenced', startMs)
        await transaction.claim(move('fenced', fromOffset, nextOffset))
      })
    await take('fenced-owner', 0, 3)

    for (const [from, next] of [
      [0, 3],
      [0, 4],
      [2, 5],
      [4, 5],
    ] as const) {
      await assert.rejects(take('fenced-zombie', from, next), { code: 'POSITION_MOVED', retry: true })
    }

    assert.equal(await ledger.trail('fenced-zombie'), null)
    assert.equal((await ledger.trail('fenced-owner'))?.state, 'pending')
    assert.deepEqual(await positions.list('fenced'), [at(0, 3)])
  })

  test('of those who move a position from one place at once, one does', async () => {
    const { store, positions } = await open()
    await positions.begin('raced', 'raced', [at(0, 0)])

    const ends = await Promise.allSettled(
      [1, 2, 3, 4].map((next) => store.transaction((transaction) => transaction.claim(move('raced', 0, next)))),
    )

    const winners = ends.flatMap(({ status }, i) => (status === 'fulfilled' ? [i + 1] : []))
    assert.equal(winners.length, 1)
    assert.deepEqual(await positions.list('raced'), [at(0, winners[0]!)])
  })

  test("a source is as far as the slowest of its partitions, and its partitions' clocks never turn back", async () => {
    const { store, positions, sources } = await open()
    const clock = async () => (await sources()).find(({ name }) => name === 'slowest')?.watermarkMs
    await positions.begin('slowest', 'slowest', [at(0, 0), at(1, 0)])
    const take = (fromOffset: number, watermarkMs: number) =>
      store.transaction(async (transaction) => {
        await transaction.accept([], 'slowest', startMs)
        await transaction.claim(move('slowest', fromOffset, fromOffset + 1, watermarkMs))
      })
    const seen: unknown[] = []

    await take(0, 70)
    seen.push(await clock())
    await positions.idle('slowest', [at(1, 0, 90), at(0, 0, 99)])
    seen.push(await clock())
    await take(1, 60)
    await positions.idle('slowest', [at(1, 0, 80)])
    seen.push(await clock())
    await positions.idle('slowest', [at(0, 2, 100)])
    seen.push(await clock())

    assert.deepEqual(seen, [0, 70, 70, 90])
  })

  test('a group that nobody reads with any more holds its source back no longer', async () => {
    const { store, positions, sources } = await open()
    await store.transaction((transaction) => transaction.accept([], 'renamed', startMs))
    await positions.begin('renamed-before', 'renamed', [at(0, 0, 40), at(1, 0, 30)])

    await positions.begin('renamed-after', 'renamed', [at(0, 0), at(1, 0)])
    const before = (await sources()).find(({ name }) => name === 'renamed')?.watermarkMs
    await positions.idle('renamed-after', [at(0, 0, 90), at(1, 0, 80)])

    const after = (await sources()).find(({ name }) => name === 'renamed')?.watermarkMs
    assert.deepEqual([before, after], [30, 80])
  })

  test('an operator sets a position, and only one that there is', async () => {
    const { positions } = await open()
    await positions.begin('reset', 'reset', [at(0, 9, 30)])

    const ends = [await positions.reset('reset', topic, 0, 0), await positions.reset('reset', topic, 7, 0)]

    assert.deepEqual(ends, [true, false])
    assert.deepEqual(await positions.list('reset'), [at(0, 0, 30)])
  })

  test('a topic that is not read any more is forgotten by one group, and holds nothing back', async () => {
    const { store, positions, sources } = await open()
    await store.transaction((transaction) => transaction.advance('forgotten', 0))
    const old = (partition: number) => ({ ...at(partition, 4, 10), topic: 'old' })
    await positions.begin('forgets', 'forgotten', [at(0, 9, 30), old(0), old(1)])
    await positions.begin('another', 'other', [old(0)])
    const watermark = async () => (await sources()).find(({ name }) => name === 'forgotten')?.watermarkMs

    const before = await watermark()
    const counts = [await positions.forget('forgets', 'old'), await positions.forget('forgets', 'old')]

    assert.deepEqual(counts, [2, 0])
    assert.deepEqual([before, await watermark()], [10, 30])
    assert.deepEqual(await positions.list('forgets'), [at(0, 9, 30)])
    assert.deepEqual(await positions.list('another'), [old(0)])
  })

  test('a record that is read again is set aside once, even after its letter has ended', async () => {
    const { store, deadLetters } = await open()
    const letter = (offset: number, byte: number) => ({
      eventId: null,
      payload: Uint8Array.of(byte),
      code: 'TEST',
      path: '',
      message: '',
      origin: { topic: 'once', partition: 3, offset },
    })
    const quarantine = (...letters: ReturnType<typeof letter>[]) =>
      store.transaction((transaction) => transaction.quarantine(letters, 'once', startMs))
    const open3 = async () => (await deadLetters.list(null)).filter((each) => each.topic === 'once')
    await quarantine(letter(1, 1), letter(2, 2), letter(2, 2))
    const [second, first] = await open3()
    await store.transaction((transaction) => transaction.resolveLetter(first!.id, 'dropped', startMs + 5))

    // The third is what another record says that stands where the first stood: its topic was made anew.
    await quarantine(letter(1, 1), letter(2, 2), letter(1, 7))

    assert.deepEqual(
      (await open3()).map(({ partition, offset, attempts, resolution }) => [partition, offset, attempts, resolution]),
      [
        [3, 1, 1, null],
        [3, 2, 1, null],
      ],
    )
    assert.equal(second!.offset, 2)
    const ended = await deadLetters.find(first!.id)
    assert.deepEqual([ended!.resolution, ended!.resolvedAtMs, ended!.payload.length], ['dropped', startMs + 5, 0])
    assert.equal(await store.transaction((transaction) => transaction.holdLetter(first!.id)), null)
  })

  test('bodies lie in a partition for each day, made when the day comes', async () => {
    const { store, ledger } = await open()
    const day = 86_400_000
    const accept = (eventId: string, receivedAtMs: number) =>
      store.transaction((transaction) => transaction.accept([itemEvent(eventId)], 'days', receivedAtMs))
    const failing = store.transaction(async (transaction) => {
      await transaction.accept([itemEvent('days-undone')], 'days', startMs + 40 * day)
      throw new Error('the caller changed its mind')
    })
    await assert.rejects(failing, /changed its mind/)

    await Promise.all([40, 41, 43].map((days) => accept(`days-${days}`, startMs + days * day)))

    for (const days of [40, 41, 43]) {
      const trail = await ledger.trail(`days-${days}`)
      assert.ok(trail?.state === 'pending' && trail.receivedAtMs === startMs + days * day, `day ${days}`)
    }
  })
}
