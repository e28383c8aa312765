import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../../models/engine/random.ts'
import { definitionHash } from '../../models/spec/definition-hash.ts'
import type { FeatureValues } from '../../models/spec/features.ts'
import type { RankingInput, SlateExamples } from '../../models/spec/slate.ts'
import { ingest, liveSource } from '../../pipelines/ingest/ingest.ts'
import { join } from '../../pipelines/join/join.ts'
import { type RankRequest, rank } from '../../pipelines/ranking/rank.ts'
import { createSlateLog } from '../../services/ranker/slate-log.ts'
import { bytesOf, everyFeature } from './every-feature.ts'
import type { ExamplePorts } from './example-source.ts'
import type { KnowledgePorts } from './knowledge-store.ts'
import { at, send, startMs } from './sent.ts'

const hourMs = 3_600_000
const users = ['s-u1', 's-u2', 's-u3']
const items = Array.from({ length: 8 }, (_, i) => `s-i${i}`)

/**
 * Training sees what scoring saw: requests are ranked on the real storage among catalogue changes, impressions and
 * feedback, before and after them, and the examples read back are compared with the requests, byte for byte.
 */
export function servedFeaturesContract(open: () => Promise<ExamplePorts & KnowledgePorts>): void {
  test('an example has the bytes of the request that it was, whatever came in between', async () => {
    const ports = await open()
    const random = createRandom(5)
    const pick = <Value>(list: readonly Value[]): Value => list[Math.floor(random.uniform() * list.length)]!
    let nowMs = startMs
    let id = 0
    const intake = { store: ports.ingest, rankers: [everyFeature.name], source: liveSource, nowMs: () => nowMs }
    const joinAll = () => join({ store: ports.store, rankers: [everyFeature], latenessMs: 0, nowMs: () => nowMs })
    const scored = new Map<string, RankingInput>()
    const shown: { slateId: string; itemIds: readonly string[]; userId: string }[] = []

    const someFeatures = (): FeatureValues => ({
      genre: pick(['drama', 'comedy', 'news']),
      tags: [pick(['a', 'b']), pick(['c', 'd'])],
      title: pick(['A quiet place', 'The long WALK home', '']),
      price: random.normal() * 10,
      length: Math.floor(random.uniform() * 40),
      age: Math.floor(random.uniform() * 90),
    })
    const rankOnce = async () => {
      const userId = pick([...users, 's-unknown'])
      const request: RankRequest = {
        userId,
        context: { device: pick(['tv', 'phone']), query: 'Long walk' },
        ...(random.uniform() < 0.3 ? { user: { age: 33 } } : {}),
        candidates: [...items, 's-new']
          .filter(() => random.uniform() < 0.6)
          .concat('s-always')
          .map((itemId) => ({ itemId, ...(random.uniform() < 0.3 ? { features: { price: random.normal() } } : {}) })),
      }
      let input: RankingInput | undefined
      const answer = await rank(request, {
        scorer: {
          version: 'v1',
          definitionHash: definitionHash(everyFeature),
          definition: everyFeature,
          async score(given) {
            input = given
            return Float32Array.from(given.candidates, () => random.uniform())
          },
        },
        knowledge: ports.knowledge,
        slateLog: createSlateLog((records) => ingest(records, intake)),
        nowMs: () => nowMs,
        newId: () => `s-${id++}`,
        onDegraded: (_, cause) => assert.fail(cause as Error),
      })
      scored.set(answer.slateId, input!)
      shown.push({ slateId: answer.slateId, itemIds: answer.items.map(({ itemId }) => itemId), userId })
    }
    const somethingHappens = () => {
      const common = { eventId: `s-event-${id++}`, occurredAt: at(nowMs - startMs) }
      const slate = shown.length === 0 ? undefined : pick(shown)
      const kinds = ['item', 'user', 'impression', 'feedback', 'feedback']
      switch (pick(kinds)) {
        case 'item':
          return {
            type: 'item',
            ...common,
            itemId: pick(items),
            features: someFeatures(),
            deleted: pick([true, false]),
          }
        case 'user':
          return {
            type: 'user',
            ...common,
            userId: pick(users),
            features: someFeatures(),
            deleted: pick([true, false]),
          }
        case 'impression':
          return slate && { type: 'impression', ...common, slateId: slate.slateId, itemIds: slate.itemIds.slice(0, 4) }
        default:
          return {
            ...{ type: 'feedback', ...common, kind: pick(['click', 'like']) },
            ...(slate === undefined || random.uniform() < 0.5
              ? { userId: pick(users), itemId: pick(items) }
              : { userId: slate.userId, itemId: pick(slate.itemIds), slateId: slate.slateId }),
          }
      }
    }

    for (let turn = 0; turn < 60; turn++) {
      nowMs += Math.floor(random.uniform() * 12 * hourMs)
      const events = Array.from({ length: 10 }, somethingHappens).filter((event) => event !== undefined)
      await send(events, intake)
      if (random.uniform() < 0.7) await joinAll()
      await rankOnce()
    }
    nowMs += hourMs
    await send(
      shown.map(({ slateId, itemIds }) => ({
        ...{ type: 'impression', eventId: `s-seen-${slateId}`, occurredAt: at(nowMs - startMs) },
        ...{ slateId, itemIds },
      })),
      intake,
    )
    await joinAll()

    const examples: SlateExamples[] = []
    for await (const page of ports.examples.read(everyFeature.name, { fromMs: 0, toMs: nowMs })) examples.push(...page)
    assert.deepEqual(examples.map(({ slateId }) => slateId).sort(), [...scored.keys()].sort())
    for (const { slateId, input, impressions } of examples) {
      const request = inOrderOf(input, scored.get(slateId)!)
      assert.deepEqual(bytesOf(input), bytesOf(request), slateId)
      assert.equal(impressions.length, input.candidates.length)
    }
    const inputs = [...scored.values()]
    assert.ok(inputs.filter(({ history }) => history.length >= 5).length > 20, 'most requests had a history')
    assert.ok(inputs.filter(({ userTally }) => userTally !== null).length > 20, 'most requests had counts')
    assert.ok(
      inputs.some(({ candidates }) => candidates.some(({ userItemTally }) => (userItemTally?.impressions ?? 0) > 1)),
      'some pairs had counts',
    )
  })

  test('the bytes of a request change with all that came after it, so that equal ones mean something', async () => {
    const ports = await open()
    const [userId, itemId] = ['b-u', 'b-i']
    const nowMs = startMs + 1_000 * hourMs
    const known = async (): Promise<RankingInput> => {
      const { user, history, userTally, items, itemTallies, userItemTallies } = await ports.knowledge.know({
        userId,
        itemIds: [itemId],
        historyFeedback: null,
        tallies: { user: true, item: true, userItem: true },
      })
      return {
        userId,
        occurredAtMs: nowMs,
        user: user?.features ?? {},
        context: {},
        history,
        userTally,
        candidates: [
          {
            itemId,
            features: items.get(itemId)?.features ?? {},
            tally: itemTallies.get(itemId) ?? null,
            userItemTally: userItemTallies.get(itemId) ?? null,
          },
        ],
      }
    }
    const before = await known()
    const common = { occurredAt: at(nowMs - startMs) }
    const intake = { store: ports.ingest, rankers: [everyFeature.name], source: liveSource, nowMs: () => nowMs }
    await send(
      [
        { type: 'user', eventId: 'b-1', ...common, userId, features: { age: 40 } },
        { type: 'item', eventId: 'b-2', ...common, itemId, features: { genre: 'drama', price: 3 } },
        { type: 'feedback', eventId: 'b-3', ...common, userId, itemId, kind: 'click' },
      ],
      intake,
    )
    await join({ store: ports.store, rankers: [everyFeature], latenessMs: 0, nowMs: () => nowMs })

    const after = await known()

    const parts = ['user', 'history', 'userTally'] as const
    for (const part of parts) assert.notDeepEqual(bytesOf({ ...before, [part]: after[part] }), bytesOf(before), part)
    for (const part of ['features', 'tally', 'userItemTally'] as const) {
      const [candidate] = before.candidates
      const changed = { ...candidate!, [part]: after.candidates[0]![part] }
      assert.notDeepEqual(bytesOf({ ...before, candidates: [changed] }), bytesOf(before), part)
    }
  })
}

/** The request with its candidates in the order of the answer, which is that of the example. */
const inOrderOf = ({ candidates }: RankingInput, request: RankingInput): RankingInput => ({
  ...request,
  candidates: candidates.map(({ itemId }) => request.candidates.find((each) => each.itemId === itemId)!),
})
