import { defineRanker } from '../../../models/spec/define-ranker.ts'
import type { FeatureSpec } from '../../../models/spec/features.ts'
import type { ImpressionPolicy, RankerDefinition } from '../../../models/spec/ranker.ts'
import type { Keeps } from '../../../pipelines/join/fold.ts'

const itemId: FeatureSpec = { kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 8 } }

/** A ranker that needs just what `keeps` says to be kept. */
export const rankerThat = (name: string, impressions: ImpressionPolicy, keeps: Keeps): RankerDefinition =>
  defineRanker({
    name,
    impressions,
    features: [
      itemId,
      ...(keeps.userItemTallies
        ? [{ kind: 'counters' as const, name: 'pair', of: 'user-item' as const, feedback: ['click'] }]
        : []),
      ...(keeps.days
        ? [{ kind: 'counters' as const, name: 'recent', of: 'user' as const, feedback: ['click'], windowDays: 7 }]
        : []),
      ...(keeps.history ? [{ kind: 'history' as const, name: 'past', length: 3, items: ['itemId'] }] : []),
    ],
    tasks: [{ name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: 1_000 }],
  })

export const keepAll: Keeps = { userItemTallies: true, days: true, history: true }
export const keepLeast: Keeps = { userItemTallies: false, days: false, history: false }
