import type { FeatureSpec } from '../../models/spec/features.ts'
import { sameTally } from '../../models/spec/tally.ts'
import type { SlateEvent } from '../ingest/events.ts'
import { userItemKey } from './ports.ts'
import type { ReadTally } from './tallies.ts'

export const skewFamilies = ['user', 'item', 'userItem', 'history'] as const
export type SkewFamily = (typeof skewFamilies)[number]

/**
 * How often features that a slate was served with differ from those that the join comes to at its place. Some always do:
 * what happened in the moments before a request is joined only after it, so that the join knows more than the ranker
 * could. A share that grows, or does not fall with the traffic, is a fault.
 */
export type Skew = Readonly<Record<SkewFamily, { readonly compared: number; readonly different: number }>>

const none = { compared: 0, different: 0 }
export const noSkew: Skew = { user: none, item: none, userItem: none, history: none }

/** Which families a ranker looks at; it is served nothing of the others. */
export function familiesSeen(features: readonly FeatureSpec[]): ReadonlySet<SkewFamily> {
  return new Set(
    features.flatMap((feature): SkewFamily[] => {
      if (feature.kind === 'history') return feature.feedback?.length === 0 ? [] : ['history']
      if (feature.kind !== 'counters') return []
      return [feature.of === 'user-item' ? 'userItem' : feature.of]
    }),
  )
}

/** The skew with one more slate, which the join would have given `read` and `historyEnd`. */
export function addServed(
  skew: Skew,
  slate: SlateEvent,
  families: ReadonlySet<SkewFamily>,
  { read, historyEnd }: { readonly read: ReadTally; readonly historyEnd: number },
): Skew {
  if (families.size === 0) return skew
  const { userId, items } = slate
  const same: Readonly<Record<SkewFamily, () => readonly boolean[]>> = {
    user: () => [sameTally(slate.userTally ?? null, read('user', userId))],
    item: () => items.map(({ itemId, tally }) => sameTally(tally ?? null, read('item', itemId))),
    userItem: () =>
      items.map(({ itemId, userItemTally }) =>
        sameTally(userItemTally ?? null, read('user-item', userItemKey(userId, itemId))),
      ),
    history: () => [(slate.historyEnd ?? 0) === historyEnd],
  }
  const added = { ...skew }
  for (const family of families) {
    const own = same[family]()
    const { compared, different } = skew[family]
    added[family] = {
      compared: compared + own.length,
      different: different + own.filter((isSame) => !isSame).length,
    }
  }
  return added
}
