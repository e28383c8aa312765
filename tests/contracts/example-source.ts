import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SlateExamples } from '../../models/spec/slate.ts'
import { historyHorizon } from '../../models/spec/tally.ts'
import { liveSource } from '../../pipelines/ingest/ingest.ts'
import type { PositionStore } from '../../pipelines/ingest/ports.ts'
import { join } from '../../pipelines/join/join.ts'
import type { JoinedExample } from '../../pipelines/join/ports.ts'
import type { ExampleSource } from '../../pipelines/training/ports.ts'
import { smallRanker } from '../flows/small-world.ts'
import type { JoinPorts } from './join-store.ts'
import { emptyOutput, slateOf } from './joined.ts'
import { itemEvent, startMs } from './sent.ts'

export interface ExamplePorts extends JoinPorts {
  readonly examples: ExampleSource
  readonly positions: PositionStore
}

const exampleOf = (slateId: string, ranker: string, changes: Partial<JoinedExample> = {}): JoinedExample => ({
  slateId,
  itemId: 'i',
  ranker,
  position: 0,
  occurredAtMs: startMs,
  feedback: [],
  ...changes,
})

/** Examples as training reads them. Each test has a ranker of its own. */
export function exampleSourceContract(open: () => Promise<ExamplePorts>): void {
  const readAll = async (examples: ExampleSource, ranker: string, fromMs = startMs, toMs = startMs + 1_000_000) => {
    const pages: (readonly SlateExamples[])[] = []
    for await (const page of examples.read(ranker, { fromMs, toMs })) pages.push(page)
    return pages
  }

  test('a ranker without examples has no range and nothing to read', async () => {
    const { examples } = await open()

    const [range, pages] = [await examples.range('nobody'), await readAll(examples, 'nobody')]

    assert.deepEqual([range, pages], [null, []])
  })

  test('examples come page by page in the order of time and slate, each once, where many share a moment', async () => {
    const { examples, store } = await open()
    const [count, ranker] = [4_501, 'paged']
    // Two moments and no order in which they are stored; the pages are cut inside a moment.
    const rows = Array.from({ length: count }, (_, i) => {
      const place = (i * 2_003) % count
      return { slateId: `paged-${place}`, occurredAtMs: startMs + (place % 2) }
    })
    await store.transaction((transaction) =>
      transaction.save({
        ...emptyOutput,
        slates: rows.map(({ slateId, ...moment }) => slateOf(slateId, { ranker, ...moment })),
        examples: rows.flatMap(({ slateId, ...moment }) => [
          exampleOf(slateId, ranker, moment),
          exampleOf(slateId, 'another ranker', { ...moment, itemId: 'j' }),
        ]),
      }),
    )

    const pages = await readAll(examples, ranker)
    const range = await examples.range(ranker)

    const read = pages.flat().map(({ slateId, input }) => ({ slateId, occurredAtMs: input.occurredAtMs }))
    const inOrder = rows.toSorted((a, b) => a.occurredAtMs - b.occurredAtMs || (a.slateId < b.slateId ? -1 : 1))
    assert.ok(pages.length >= 3 && pages.every((page) => page.length <= 2_000))
    assert.deepEqual(read, inOrder)
    assert.ok(pages.flat().every(({ impressions }) => impressions.length === 1))
    assert.deepEqual(range, { fromMs: startMs, toMs: startMs + 2, impressions: count })
  })

  test('a range holds its first moment, and not its last', async () => {
    const { examples, store } = await open()
    const rows = [0, 1, 2, 3].map((ms) => ({ slateId: `cut-${ms}`, occurredAtMs: startMs + ms }))
    await store.transaction((transaction) =>
      transaction.save({
        ...emptyOutput,
        slates: rows.map(({ slateId, ...moment }) => slateOf(slateId, { ranker: 'cut', ...moment })),
        examples: rows.map(({ slateId, ...moment }) => exampleOf(slateId, 'cut', moment)),
      }),
    )

    const pages = await readAll(examples, 'cut', startMs + 1, startMs + 3)

    assert.deepEqual(
      pages.flat().map(({ slateId }) => slateId),
      ['cut-1', 'cut-2'],
    )
  })

  test('features are those the slate refers to, overlaid by what was sent with it; deleted ones are missing', async () => {
    const { examples, store } = await open()
    const entry = { occurredAtMs: startMs, deleted: false }
    const tally = { impressions: 3, feedback: { click: 1 }, lastImpressionAtMs: null }
    await store.transaction(async (transaction) => {
      const [user, item, gone] = await transaction.addCatalog([
        { ...entry, kind: 'user', id: 'u', features: { age: 25, city: 'x' } },
        { ...entry, kind: 'item', id: 'i', features: { genre: 'drama', year: 1994 } },
        { ...entry, kind: 'item', id: 'j', features: { genre: 'gone' }, deleted: true },
        { ...entry, kind: 'user', id: 'u', features: { age: 26 } },
        { ...entry, kind: 'item', id: 'i', features: { genre: 'later' } },
      ])
      const slate = slateOf('f-s', {
        ranker: 'features',
        userVersion: user!,
        user: { age: 30 },
        userTally: tally,
        context: { hour: 8 },
        items: [
          { itemId: 'i', version: item!, features: { year: 2000, price: 3 }, tally, userItemTally: null },
          { itemId: 'j', version: gone!, tally: null, userItemTally: tally },
          { itemId: 'k', version: null, tally: null, userItemTally: null },
        ],
      })
      await transaction.save({ ...emptyOutput, slates: [slate], examples: [exampleOf('f-s', 'features')] })
    })

    const [page] = await readAll(examples, 'features')

    assert.deepEqual(page![0]!.input, {
      userId: 'u',
      occurredAtMs: startMs,
      user: { age: 30, city: 'x' },
      context: { hour: 8 },
      history: [],
      userTally: tally,
      candidates: [
        {
          itemId: 'i',
          features: { genre: 'drama', year: 2000, price: 3 },
          tally,
          userItemTally: null,
        },
        { itemId: 'j', features: {}, tally: null, userItemTally: tally },
        { itemId: 'k', features: {}, tally: null, userItemTally: null },
      ],
    })
  })

  test('the history ends where the slate saw it end, reaches no further than its horizon, and shows items as they were', async () => {
    const { examples, store } = await open()
    const [length, end] = [historyHorizon + 50, historyHorizon + 30]
    await store.transaction(async (transaction) => {
      const entry = { kind: 'item' as const, id: 'h-i', occurredAtMs: startMs, deleted: false }
      const [old, gone] = await transaction.addCatalog([
        { ...entry, features: { genre: 'old' } },
        { ...entry, features: { genre: 'gone' }, deleted: true },
        { ...entry, features: { genre: 'new' } },
      ])
      const versions = [old!, gone!, null]
      const slates = [slateOf('h-s', { ranker: 'history', userId: 'h-u', historyEnd: end }), slateOf('h-t')]
      await transaction.save({
        ...emptyOutput,
        slates: slates.map((slate) => ({ ...slate, ranker: 'history' })),
        examples: slates.map(({ slateId }) => exampleOf(slateId, 'history')),
        history: Array.from({ length }, (_, i) => ({
          userId: 'h-u',
          sequence: i + 1,
          itemId: 'h-i',
          itemVersion: versions[i % 3]!,
          kind: i % 2 === 0 ? 'click' : 'like',
          occurredAtMs: startMs - length + i,
        })),
      })
    })

    const [page] = await readAll(examples, 'history')

    const expected = Array.from({ length: historyHorizon }, (_, k) => {
      const i = end - historyHorizon + k
      return {
        itemId: 'h-i',
        kind: i % 2 === 0 ? 'click' : 'like',
        occurredAtMs: startMs - length + i,
        features: i % 3 === 0 ? { genre: 'old' } : {},
      }
    })
    assert.deepEqual(page![0]!.input.history, expected)
    assert.deepEqual(page![1]!.input.history, [])
  })

  test('a logged slate sees history strictly before it, in the order of its time, and a ranked one all that was there', async () => {
    const { examples, store } = await open()
    const entries = [-5, 0, -20, -5, -1].map((ms, i) => ({
      ...{ userId: 'b-u', sequence: i + 1, itemId: `b-${i + 1}`, itemVersion: null, kind: 'click' },
      occurredAtMs: startMs + ms,
    }))
    const slates = [
      slateOf('b-logged', { userId: 'b-u', historyEnd: 4 }),
      slateOf('b-ranked', { userId: 'b-u', historyEnd: 4, modelVersion: 'v', definitionHash: 'h' }),
      slateOf('b-early', { userId: 'b-u', historyEnd: 1, occurredAtMs: startMs - 1 }),
    ]
    await store.transaction((transaction) =>
      transaction.save({
        ...emptyOutput,
        slates,
        examples: slates.map(({ slateId, occurredAtMs }) => exampleOf(slateId, 'before', { occurredAtMs })),
        history: entries,
      }),
    )

    const [page] = await readAll(examples, 'before', startMs - 100)

    assert.deepEqual(
      page!.map(({ slateId, input }) => [slateId, input.history.map(({ itemId }) => itemId)]),
      [
        ['b-early', ['b-1']],
        ['b-logged', ['b-3', 'b-1', 'b-4']],
        ['b-ranked', ['b-3', 'b-1', 'b-4', 'b-2']],
      ],
    )
  })

  test('impressions point at their candidates in the order they were shown, with their feedback', async () => {
    const { examples, store } = await open()
    const unknown = { version: null, tally: null, userItemTally: null }
    const feedback = [{ kind: 'play', value: 0.5, occurredAtMs: startMs + 1 }]
    await store.transaction((transaction) =>
      transaction.save({
        ...emptyOutput,
        slates: [slateOf('s-s', { items: ['a', 'b', 'c'].map((itemId) => ({ itemId, ...unknown })) })],
        examples: [
          exampleOf('s-s', 'shown', { itemId: 'c', position: 2, feedback }),
          exampleOf('s-s', 'shown', { itemId: 'a', position: 0 }),
        ],
      }),
    )

    const [page] = await readAll(examples, 'shown')

    assert.deepEqual(page![0]!.impressions, [
      { candidate: 0, position: 0, feedback: [] },
      { candidate: 2, position: 2, feedback },
    ])
  })

  test('feedback is known up to the clock of its source, or as far as live events are joined', async () => {
    const { examples, store, ingest } = await open()
    const sources = [liveSource, 'import', 'unheard of']
    for (const source of sources.slice(0, 2)) {
      await ingest.transaction(async (transaction) => {
        await transaction.accept([], source, startMs)
        await transaction.advance(source, startMs + 9_000)
      })
    }
    const live = (await store.sources()).find(({ name }) => name === liveSource)!
    await store.transaction((transaction) =>
      transaction.save({
        ...emptyOutput,
        slates: sources.map((source, i) => slateOf(`m-${i}`, { source })),
        examples: sources.map((_, i) => exampleOf(`m-${i}`, 'clocks')),
      }),
    )

    const [page] = await readAll(examples, 'clocks')

    assert.deepEqual(
      page!.map(({ watermarkMs }) => watermarkMs),
      [live.joinedToMs, startMs + 9_000, 0],
    )
  })

  test('feedback on live slates is known as far as the slowest live source was read', async () => {
    const { examples, store, ingest, positions } = await open()
    const place = { topic: 'w-topic', partition: 0, nextOffset: 0 }
    await ingest.transaction(async (transaction) => {
      for (const source of [liveSource, 'kafka']) await transaction.accept([], source, startMs)
    })
    const joinedMs = startMs + Math.max(...(await store.sources()).map((source) => source.joinedToMs - startMs), 0) + 1
    await ingest.transaction((transaction) =>
      transaction.accept([itemEvent('w-item', 1, joinedMs - startMs)], liveSource, startMs),
    )
    await join({ store, rankers: [smallRanker], latenessMs: 0, nowMs: () => joinedMs })
    await store.transaction((transaction) =>
      transaction.save({
        ...emptyOutput,
        slates: [liveSource, 'kafka'].map((source) => slateOf(`w-${source}`, { source })),
        examples: [liveSource, 'kafka'].map((source) => exampleOf(`w-${source}`, 'slowest')),
      }),
    )
    const watermarks = async () => (await readAll(examples, 'slowest'))[0]!.map(({ watermarkMs }) => watermarkMs)

    const joinedTo = await watermarks()
    await positions.begin('w-group', 'kafka', [{ ...place, watermarkMs: joinedMs - 10 }])
    const read = await watermarks()
    await positions.idle('w-group', [{ ...place, watermarkMs: Number.MAX_SAFE_INTEGER }])

    const [behind, level] = [joinedMs - 10, joinedMs].map((ms) => [ms, ms])
    assert.deepEqual([joinedTo, read, await watermarks()], [level, behind, level])
  })
}
