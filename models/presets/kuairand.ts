import { defineRanker, type RankerConfig } from '../spec/define-ranker.ts'
import type { FeatureSpec } from '../spec/features.ts'
import type { RankerDefinition } from '../spec/ranker.ts'
import type { TaskSpec } from '../spec/tasks.ts'

const dayMs = 86_400_000
const kinds = ['click', 'long_view', 'like', 'comment', 'profile_enter', 'forward', 'follow'] as const

const userNumbers = ['follow_user_num', 'fans_user_num', 'friend_user_num', 'register_days']
export const userNumberFields: readonly string[] = userNumbers
const userCategories = [
  ...['user_active_degree', 'is_lowactive_period', 'is_live_streamer', 'is_video_author', 'follow_user_num_range'],
  ...['fans_user_num_range', 'friend_user_num_range', 'register_days_range'],
  ...Array.from({ length: 18 }, (_, i) => `onehot_feat${i}`),
]

/** Ids and what is known of users and videos, as the log has them. */
const attributes: readonly FeatureSpec[] = [
  { kind: 'categorical', name: 'userId', scope: 'user', rows: { buckets: 2 ** 14 }, isId: true },
  { kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 2 ** 17 }, isId: true },
  {
    kind: 'categorical',
    name: 'hour',
    scope: 'context',
    rows: { vocabulary: Array.from({ length: 24 }, (_, i) => String(i)) },
  },
  ...userCategories.map(
    (name): FeatureSpec => ({ kind: 'categorical', name, scope: 'user', rows: { buckets: 2 ** 11 } }),
  ),
  ...userNumbers.map((name): FeatureSpec => ({ kind: 'numeric', name, scope: 'user', scale: 'log' })),
  { kind: 'numeric', name: 'durationMs', scope: 'item', scale: 'log' },
  { kind: 'numeric', name: 'durationIsZero', scope: 'item', scale: 'standard' },
]

/** What happened before to the user and to the video. */
const counters: readonly FeatureSpec[] = [
  { kind: 'counters', name: 'userCounters', of: 'user', feedback: kinds },
  { kind: 'counters', name: 'itemCounters', of: 'item', feedback: kinds },
]

/** `like` is trained but carries no weight: in this log it is mostly an artefact of how its rows were chosen. */
const scoreWeights: Readonly<Record<string, number>> = {
  click: 1,
  long_view: 1,
  comment: 0.5,
  profile_enter: 0.5,
  forward: 0.5,
  follow: 0.5,
}
const tasks: readonly TaskSpec[] = kinds.map((kind) => ({
  name: kind,
  label: { rule: 'happened', kind },
  windowMs: dayMs,
  scoreWeight: scoreWeights[kind] ?? 0,
}))

const configOf = (features: readonly FeatureSpec[], training: NonNullable<RankerConfig['training']>): RankerConfig => ({
  name: 'home',
  features,
  tasks,
  training,
})

/** Feature level A: ids and attributes only. */
export const kuairandIds: RankerDefinition = defineRanker(
  configOf(attributes, { wideRate: 0.003, ridge: 3, epochs: 12 }),
)
/** Feature level B: counters too. The default ranker of the bundled sample. */
export const kuairandCounters: RankerDefinition = defineRanker(configOf([...attributes, ...counters], { epochs: 8 }))
