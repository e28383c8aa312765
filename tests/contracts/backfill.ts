import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRandom } from '../../models/engine/random.ts'
import type { SlateExamples } from '../../models/spec/slate.ts'
import type { Event } from '../../pipelines/ingest/events.ts'
import { ingest, liveSource } from '../../pipelines/ingest/ingest.ts'
import { join } from '../../pipelines/join/join.ts'
import { keepAll, rankerThat } from '../pipelines/join/rankers.ts'
import type { ExamplePorts } from './example-source.ts'
import { record, startMs } from './sent.ts'

const nowMs = startMs + 3_000 * 3_600_000

/** Feedback before its slate and without one, impressions, catalogue changes; much of it at the same moment. */
function oldEvents(random: { uniform(): number }): Event[] {
  const pick = (count: number) => Math.floor(random.uniform() * count)
  return Array.from({ length: 90 }, (_, i): Event => {
    const common = { eventId: `e${i}`, occurredAt: new Date(startMs + pick(30) * 7_200_000).toISOString() }
    const [userId, itemId, slateId] = [`u${pick(3)}`, `i${pick(5)}`, `s${pick(20)}`]
    const first = pick(5)
    switch (pick(6)) {
      case 0:
        return { type: 'item', ...common, itemId, features: { price: pick(9) } }
      case 1:
        return { type: 'impression', ...common, slateId, itemIds: [itemId] }
      case 2:
      case 3:
        return { type: 'feedback', ...common, userId, itemId, kind: 'click', ...(pick(2) === 0 ? { slateId } : {}) }
      default:
        return {
          ...{ type: 'slate', ...common, slateId: `s${i % 20}`, userId },
          items: [0, 1, 2].map((k) => ({ itemId: `i${(first + k) % 5}` })),
        }
    }
  })
}

/** The same events with ids of their own, as long as those of any other run. */
function renamed(event: Event, run: string): Event {
  const text = JSON.stringify(event)
  return JSON.parse(text.replaceAll(/"([euis])(\d+)"/g, `"$1${run}-$2"`)) as Event
}

/** A backfill beside live traffic. Each test has ids of its own. */
export function backfillContract(open: () => Promise<ExamplePorts>): void {
  let runs = 0

  test('a backfill gives the same examples, to the byte, in whatever order, pieces and company it comes', async () => {
    const ports = await open()
    const events = oldEvents(createRandom(8))
    /** Sends what `order` says, piece by piece; between the pieces joins run, and live events of the same users come. */
    const examplesOf = async (order: readonly number[], piece: number, isAlone: boolean): Promise<string> => {
      const run = String.fromCharCode(97 + runs++)
      const ranker = rankerThat(`backfill-${run}`, 'until-last-feedback', keepAll)
      const intake = { store: ports.ingest, rankers: [ranker.name], nowMs: () => nowMs }
      const source = `backfill ${run}`
      const joinAll = () => join({ store: ports.store, rankers: [ranker], latenessMs: 0, nowMs: () => nowMs })
      const liveEvents = (at: number): Event[] => {
        const common = { occurredAt: new Date(nowMs - 1_000 + at).toISOString(), userId: 'u0' }
        return [
          {
            ...{ type: 'slate', eventId: `e${1000 + at}`, ...common, slateId: `s${1000 + at}` },
            items: [{ itemId: 'i0' }, { itemId: 'i1' }],
          },
          { type: 'feedback', eventId: `e${2000 + at}`, ...common, itemId: 'i0', kind: 'click' },
        ]
      }
      for (let from = 0; from < order.length; from += piece) {
        const own = order.slice(from, from + piece).map((i) => record(renamed(events[i]!, run)))
        await ingest(own, { ...intake, source })
        if (isAlone) continue
        const live = liveEvents(from).map((event) => record(renamed(event, run)))
        await ingest(live, { ...intake, source: liveSource })
        await joinAll()
      }
      await ports.ingest.transaction((transaction) => transaction.advance(source, nowMs))
      await joinAll()
      const examples: SlateExamples[] = []
      for await (const page of ports.examples.read(ranker.name, { fromMs: 0, toMs: nowMs - 1_000 }))
        examples.push(...page)
      return JSON.stringify(examples).replaceAll(`${run}-`, '')
    }
    const inOrder = events.map((_, i) => i)
    const expected = await examplesOf(inOrder, events.length, true)
    const [slates, seen] = [JSON.parse(expected) as SlateExamples[], /"history":\[\{/]
    assert.ok(
      slates.length > 10 && seen.test(expected) && /"tally":\{/.test(expected),
      `${slates.length} slates: ${expected}`,
    )
    const orders = fc
      .tuple(
        fc.shuffledSubarray(inOrder, { minLength: events.length }),
        fc.array(fc.nat(events.length - 1), { maxLength: 30 }),
      )
      .chain(([all, again]) => fc.shuffledSubarray([...all, ...again], { minLength: all.length + again.length }))

    await fc.assert(
      fc.asyncProperty(orders, fc.integer({ min: 20, max: 60 }), fc.boolean(), async (order, piece, isAlone) => {
        assert.equal(await examplesOf(order, piece, isAlone), expected)
      }),
      { numRuns: 6, seed: 4, endOnFailure: true },
    )
  })
}
