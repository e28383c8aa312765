import type { HistoryItem, SlateExamples, Tally } from '../../../models/spec/slate.ts'
import { historyHorizon } from '../../../models/spec/tally.ts'
import { type HistoryRow, type JoinedExample, type JoinedSlate, userItemKey } from '../../../pipelines/join/ports.ts'
import type { CatalogEntry, KnowledgeStore } from '../../../pipelines/ranking/ports.ts'
import { featuresOf, type JoinState, tallyOf } from '../join/memory-store.ts'

/** The newest before a moment, of the first `end` that were joined. */
const historyUpTo = (state: JoinState, userId: string, end: number, beforeMs: number): readonly HistoryRow[] =>
  state.history
    .filter((row) => row.userId === userId && row.sequence <= end && row.occurredAtMs < beforeMs)
    .sort((a, b) => a.occurredAtMs - b.occurredAtMs || a.sequence - b.sequence)
    .slice(-historyHorizon)
const toHistory = (state: JoinState, rows: readonly HistoryRow[]): HistoryItem[] =>
  rows.map(({ itemId, kind, occurredAtMs, itemVersion }) => ({
    ...{ itemId, kind, occurredAtMs, features: featuresOf(state, itemVersion) },
  }))

/** What the joined state knows now. */
export const createMemoryKnowledge = (stateNow: () => JoinState): KnowledgeStore => ({
  async know({ userId, itemIds, historyFeedback, tallies }) {
    const state = stateNow()
    const entryOf = (kind: 'item' | 'user', id: string): CatalogEntry | null => {
      const [newest] = state.catalog
        .filter((each) => each.kind === kind && each.id === id)
        .sort((a, b) => b.occurredAtMs - a.occurredAtMs || b.version - a.version)
      return newest === undefined || newest.deleted ? null : { version: newest.version, features: newest.features }
    }
    const mapOf = <Value>(read: (itemId: string) => Value | null | undefined) =>
      new Map(
        itemIds.flatMap((itemId): [string, Value][] => {
          const value = read(itemId)
          return value === null || value === undefined ? [] : [[itemId, value]]
        }),
      )
    const end = historyFeedback?.length === 0 ? 0 : state.history.filter((row) => row.userId === userId).length
    const rows = historyUpTo(state, userId, end, Number.POSITIVE_INFINITY)
    return {
      user: entryOf('user', userId),
      userTally: (tallies.user ? tallyOf(state, 'user', userId) : null) ?? null,
      history: toHistory(
        state,
        rows.filter(({ kind }) => historyFeedback === null || historyFeedback.includes(kind)),
      ),
      historyEnd: end,
      items: mapOf((itemId) => entryOf('item', itemId)),
      itemTallies: mapOf<Tally>((itemId) => (tallies.item ? tallyOf(state, 'item', itemId) : null)),
      userItemTallies: mapOf<Tally>((itemId) =>
        tallies.userItem ? tallyOf(state, 'user-item', userItemKey(userId, itemId)) : null,
      ),
    }
  },
})

/** A slate that was ranked here has all that the ranker saw. */
const seenBeforeMs = ({ modelVersion, occurredAtMs }: JoinedSlate) =>
  modelVersion === null ? occurredAtMs : Number.POSITIVE_INFINITY

/** A ranker's slates with something shown, as training reads them: features by the references that each slate carries. */
export function examplesOf(state: JoinState, ranker: string, watermarkMs = Number.POSITIVE_INFINITY): SlateExamples[] {
  const shownOf = new Map<string, JoinedExample[]>()
  for (const example of Object.values(state.examples)) {
    shownOf.set(example.slateId, [...(shownOf.get(example.slateId) ?? []), example])
  }
  return Object.values(state.slates)
    .filter((slate) => slate.ranker === ranker && shownOf.has(slate.slateId))
    .sort((a, b) => a.occurredAtMs - b.occurredAtMs || (a.slateId < b.slateId ? -1 : 1))
    .map((slate): SlateExamples => {
      const { slateId, userId, occurredAtMs, context, user, userVersion, userTally, historyEnd, items } = slate
      return {
        slateId,
        input: {
          ...{ userId, occurredAtMs, context, userTally },
          user: { ...featuresOf(state, userVersion), ...user },
          history: toHistory(state, historyUpTo(state, userId, historyEnd, seenBeforeMs(slate))),
          candidates: items.map(({ itemId, features, version, tally, userItemTally }) => ({
            ...{ itemId, tally, userItemTally },
            features: { ...featuresOf(state, version), ...features },
          })),
        },
        impressions: shownOf
          .get(slateId)!
          .sort((a, b) => a.position - b.position)
          .map(({ itemId, position, feedback }) => ({
            ...{ candidate: items.findIndex((item) => item.itemId === itemId), position, feedback },
          })),
        watermarkMs,
      }
    })
}
