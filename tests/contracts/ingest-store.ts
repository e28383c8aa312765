import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { IngestContext } from '../../pipelines/ingest/ingest.ts'
import { ingest } from '../../pipelines/ingest/ingest.ts'
import type { DeadLetter, DeadLetters, EventLedger, IngestStore } from '../../pipelines/ingest/ports.ts'
import type { Source } from '../../pipelines/join/ports.ts'
import { itemEvent, record, send, startMs } from './sent.ts'

export interface IngestPorts {
  readonly store: IngestStore
  readonly ledger: EventLedger
  readonly deadLetters: DeadLetters
  sources(): Promise<readonly Source[]>
}

/** What every ingest store keeps to. Each test has ids and sources of its own. */
export function ingestStoreContract(open: () => Promise<IngestPorts>): void {
  test('an event is accepted once: the same again is a duplicate, another one under its id a conflict', async () => {
    const { store, ledger } = await open()
    const accept = (...contents: readonly number[]) =>
      store.transaction((transaction) =>
        transaction.accept(
          contents.map((content, i) => itemEvent(`once-${i}`, content)),
          'once',
          startMs,
        ),
      )

    const answers = [await accept(1, 1), await accept(1, 2, 3), await accept(2, 1)]

    assert.deepEqual(answers, [
      ['accepted', 'accepted'],
      ['duplicate', 'conflict', 'accepted'],
      ['conflict', 'duplicate'],
    ])
    assert.equal((await ledger.trail('once-2'))?.state, 'pending')
  })

  test('nothing of a transaction that fails is kept', async () => {
    const { store, ledger, deadLetters, sources } = await open()
    const newest = async () => (await deadLetters.list(null))[0]?.id ?? null
    const before = await newest()

    const failing = store.transaction(async (transaction) => {
      await transaction.accept([itemEvent('undone')], 'undone', startMs)
      await transaction.quarantine([letter(new Uint8Array(3))], 'undone', startMs)
      await transaction.advance('undone', startMs)
      throw new Error('the caller changed its mind')
    })

    await assert.rejects(failing, /changed its mind/)
    assert.equal(await ledger.trail('undone'), null)
    assert.equal(await newest(), before)
    assert.equal(
      (await sources()).find(({ name }) => name === 'undone'),
      undefined,
    )
  })

  test('transactions with the same ids at once accept each id once, and agree on what it holds', async () => {
    const { store } = await open()
    const ids = Array.from({ length: 2_000 }, (_, i) => `race-${i}`)
    // Odd ids have another content in each transaction; orders differ, so that a careless lock would be a deadlock.
    const contentOf = (id: number, writer: number) => (id % 2 === 0 ? 7 : writer)
    const write = (writer: number) => {
      const events = ids.map((eventId, id) => itemEvent(eventId, contentOf(id, writer)))
      const sent = writer % 2 === 0 ? events : events.toReversed()
      return store.transaction(async (transaction) => {
        const answers = await transaction.accept(sent, `race-source-${writer}`, startMs)
        return new Map(sent.map(({ event }, i) => [event.eventId, answers[i]!]))
      })
    }

    const answers = await Promise.all([1, 2, 3, 4].map(write))

    for (const [id, eventId] of ids.entries()) {
      const counts = { accepted: 0, duplicate: 0, conflict: 0, erased: 0 }
      for (const each of answers) counts[each.get(eventId)!]++
      const others = id % 2 === 0 ? { duplicate: 3, conflict: 0 } : { duplicate: 0, conflict: 3 }
      assert.deepEqual(counts, { accepted: 1, erased: 0, ...others }, eventId)
    }
  })

  test('ids are told apart by every byte, and contents by every bit of their digest', async () => {
    const { store } = await open()
    const ids = ['bytes-a', 'bytes-A', 'bytes-a ', 'bytes-\u00e9', 'bytes-e\u0301', 'bytes-\u{1f600}', 'bytes-\'\\"{,}']
    const digests = [0n, -1n, 1n, 2n ** 63n - 1n, -(2n ** 63n)]
    const accept = (digest: bigint) =>
      store.transaction((transaction) =>
        transaction.accept(
          ids.map((id) => ({ ...itemEvent(id), digest })),
          'bytes',
          startMs,
        ),
      )

    const first = await accept(digests[0]!)
    const others = await Promise.all(digests.slice(1).map(accept))

    assert.ok(first.every((answer) => answer === 'accepted'))
    assert.ok(others.flat().every((answer) => answer === 'conflict'))
  })

  test("a source's clock moves forward, and never back", async () => {
    const { store, sources } = await open()
    const moved: (number | undefined)[] = []
    for (const watermarkMs of [startMs, startMs + 5, startMs + 2]) {
      await store.transaction(async (transaction) => {
        await transaction.accept([], 'clock', startMs)
        await transaction.advance('clock', watermarkMs)
      })
      moved.push((await sources()).find(({ name }) => name === 'clock')?.watermarkMs)
    }

    assert.deepEqual(moved, [startMs, startMs + 5, startMs + 5])
  })

  test('any bytes are set aside as they came, with what could be read of them', async () => {
    const { store, deadLetters } = await open()
    const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    const given = [
      letter(everyByte, 'whole'),
      letter(new Uint8Array(), null),
      letter(new Uint8Array([0]), 'half-\ud800'),
      letter(new Uint8Array([0xff, 0xfe]), 'nul-\u0000'),
    ]

    await store.transaction((transaction) => transaction.quarantine(given, 'letters', startMs + 9))

    const [newest] = await deadLetters.list(null)
    const kept = await Promise.all(given.map((_, i) => deadLetters.find(newest!.id - given.length + 1 + i)))
    assert.deepEqual(
      kept.map((each) => Uint8Array.from(each!.payload)),
      given.map(({ payload }) => payload),
    )
    assert.deepEqual(
      { ...kept[0], payload: null, id: 0 },
      {
        id: 0,
        eventId: 'whole',
        code: 'TEST',
        path: '/a\\u0000',
        message: 'NUL \\u0000',
        source: 'letters',
        receivedAtMs: startMs + 9,
        topic: null,
        partition: null,
        offset: null,
        attempts: 1,
        resolution: null,
        resolvedAtMs: null,
        payload: null,
      },
    )
    assert.equal(kept[1]!.eventId, null)
    assert.equal(kept[3]!.eventId, null)
  })

  test('texts that no column can hold are set aside, and spoil nothing beside them', async () => {
    const { store, ledger } = await open()
    const item = (eventId: string, more: object) => ({
      type: 'item',
      eventId,
      occurredAt: '2024-01-01T00:00:00Z',
      itemId: 'i',
      ...more,
    })
    const context = contextOf(store, 'texts')

    const outcomes = await send(
      [
        item('text-1', { features: { title: 'NUL \u0000' } }),
        item('text-2', { features: { 'name\u0000': 1 } }),
        item('text-3', { features: { title: 'half \ud800 a pair' } }),
        item('text-4', { features: { 'half-\udc00': 1 } }),
        item('text-5', { itemId: 'i\ud800' }),
        item('text-6\u0000', {}),
        item('text-7', { features: { title: 'a whole pair \u{1f600}, and \\u0000 spelt out' } }),
      ],
      context,
    )

    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      [...Array.from({ length: 6 }, () => 'quarantined'), 'accepted'],
    )
    assert.equal((await ledger.trail('text-3'))?.state, 'quarantined')
    assert.equal((await ledger.trail('text-7'))?.state, 'pending')
  })

  test('whatever the records are, each has an outcome, and what was answered is what is stored', async () => {
    const { store, ledger } = await open()
    const context = contextOf(store, 'anything')
    const odd = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\ud800', 'a\udfff', '\u0000', '\u{1f600}', ''))
    const event = fc.record(
      {
        type: fc.constantFrom('item', 'user', 'feedback', 'slate', 'nonsense'),
        eventId: fc.oneof(fc.uuid(), odd),
        occurredAt: fc.constantFrom('2024-01-01T00:00:00Z', '2024-02-30T00:00:00Z'),
        itemId: odd,
        features: fc.dictionary(odd, fc.oneof(odd, fc.double(), fc.boolean(), fc.array(odd)), { maxKeys: 3 }),
      },
      { requiredKeys: ['type', 'eventId', 'occurredAt', 'itemId'] },
    )
    const records = fc.array(
      fc.oneof(
        event.map(record),
        fc.uint8Array().map((bytes) => ({ bytes, path: '' })),
      ),
      { maxLength: 12 },
    )
    await fc.assert(
      fc.asyncProperty(records, async (sent) => {
        const outcomes = await ingest(sent, context)

        assert.equal(outcomes.length, sent.length)
        for (const { eventId, outcome } of outcomes) {
          const isStored = outcome !== 'quarantined'
          const trail = eventId === null ? null : await ledger.trail(eventId)
          if (isStored) assert.equal(trail?.state, 'pending')
          else if (eventId !== null) assert.notEqual(trail, null)
        }
      }),
      { numRuns: 40, seed: 7 },
    )
  })

  test('ten thousand events and ten thousand dead letters go in one transaction', async () => {
    const { store, deadLetters } = await open()
    const size = 10_000
    const events = Array.from({ length: size }, (_, i) => itemEvent(`many-${i}`, i, i))
    const letters = Array.from({ length: size }, (_, i) => letter(new Uint8Array([i % 256]), `bad-${i}`))

    const answers = await store.transaction(async (transaction) => {
      await transaction.quarantine(letters, 'many', startMs)
      return transaction.accept(events, 'many', startMs)
    })

    assert.equal(answers.filter((answer) => answer === 'accepted').length, size)
    assert.equal((await deadLetters.list(null))[0]!.eventId, `bad-${size - 1}`)
  })

  test('the newest event that waits is known of each source, and of one without any that there is none', async () => {
    const { store } = await open()
    const waiting = (source: string) => store.transaction((transaction) => transaction.newestPending(source))
    const events = [5, 90, 20].map((atMs) => itemEvent(`newest-${atMs}`, 1, atMs))

    await store.transaction((transaction) => transaction.accept(events, 'newest', startMs))

    assert.deepEqual([await waiting('newest'), await waiting('newest-none')], [startMs + 90, null])
  })

  test('dead letters of one fault are listed alone', async () => {
    const { store, deadLetters } = await open()
    const letters = ['A', 'B', 'A'].map((code, i) => ({
      ...letter(new Uint8Array(), `coded-${i}`),
      code: `CODED_${code}`,
    }))
    await store.transaction((transaction) => transaction.quarantine(letters, 'coded', startMs))
    const idsOf = async (before: number | null, code: string) =>
      (await deadLetters.list(before, code)).map(({ eventId }) => eventId)

    const [first] = await deadLetters.list(null, 'CODED_A')

    assert.deepEqual(await idsOf(null, 'CODED_A'), ['coded-2', 'coded-0'])
    assert.deepEqual(await idsOf(first!.id, 'CODED_A'), ['coded-0'])
    assert.deepEqual(await idsOf(null, "CODED_' or true"), [])
  })

  test('dead letters are listed a hundred at a time, newest first', async () => {
    const { store, deadLetters } = await open()
    const letters = Array.from({ length: 150 }, (_, i) => letter(new Uint8Array(), `paged-${i}`))
    await store.transaction((transaction) => transaction.quarantine(letters, 'paged', startMs))

    const first = await deadLetters.list(null)
    const second = await deadLetters.list(first.at(-1)!.id)

    const ids = [...first, ...second.slice(0, 50)].map(({ eventId }) => eventId)
    assert.equal(first.length, 100)
    assert.deepEqual(ids, letters.map(({ eventId }) => eventId).reverse())
    assert.equal(await deadLetters.find(first[0]!.id + 1_000_000), null)
  })
}

const letter = (payload: Uint8Array, eventId: string | null = null): DeadLetter => ({
  eventId,
  payload,
  code: 'TEST',
  path: '/a\u0000',
  message: 'NUL \u0000',
})

const contextOf = (store: IngestStore, source: string): IngestContext => ({
  store,
  rankers: ['r'],
  source,
  nowMs: () => startMs,
})
