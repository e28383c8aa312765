import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineRanker, type RankerConfig } from '../../../models/spec/define-ranker.ts'
import { Fault } from '../../../models/spec/fault.ts'
import type { CountersFeature, FeatureSpec, HistoryFeature } from '../../../models/spec/features.ts'
import type { TrainingSpec } from '../../../models/spec/ranker.ts'
import type { TaskSpec } from '../../../models/spec/tasks.ts'

const itemId: FeatureSpec = { kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 100 } }
const click: TaskSpec = { name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: 1000 }
const config: RankerConfig = { name: 'home', features: [itemId], tasks: [click] }

const feature = (added: FeatureSpec): RankerConfig => ({ ...config, features: [itemId, added] })
const task = (...added: Partial<TaskSpec>[]): RankerConfig => ({
  ...config,
  tasks: [click, ...added.map((each, i) => ({ ...click, name: `task${i}`, ...each }))],
})
const words = (...vocabulary: string[]): RankerConfig =>
  feature({ kind: 'categorical', name: 'genre', scope: 'item', rows: { vocabulary } })
const counters = (changed: Partial<CountersFeature>): RankerConfig =>
  feature({ kind: 'counters', name: 'counts', of: 'item', feedback: ['click'], ...changed })
const history = (changed: Partial<HistoryFeature>): RankerConfig =>
  feature({ kind: 'history', name: 'past', length: 5, items: ['itemId'], ...changed })
const training = (changed: Partial<TrainingSpec>): RankerConfig => ({ ...config, training: changed })
const named = (name: string): FeatureSpec => ({ kind: 'numeric', name, scope: 'user', scale: 'standard' })

const faults: readonly (readonly [what: string, path: string, broken: RankerConfig])[] = [
  ['a ranker without a name', '/name', { ...config, name: '' }],
  ['a ranker whose name begins with a digit', '/name', { ...config, name: '1st' }],
  ['a ranker whose name has 65 letters', '/name', { ...config, name: 'a'.repeat(65) }],
  ['no task', '/tasks', { ...config, tasks: [] }],
  ['no feature', '/features', { ...config, features: [] }],
  ['a feature whose name has a dot', '/features/1/name', feature(named('a.b'))],
  ['a task whose name has a space', '/tasks/1/name', task({ name: 'long view' })],
  ['two features of one name', '/features/1/name', feature(named('itemId'))],
  ['two tasks of one name', '/tasks/1/name', task({ name: 'click' })],
  ['hashing without buckets', '/features/1/rows/buckets', feature({ ...itemId, name: 'a', rows: { buckets: 0 } })],
  ['a fraction of a bucket', '/features/1/rows/buckets', feature({ ...itemId, name: 'a', rows: { buckets: 1.5 } })],
  ['an empty vocabulary', '/features/1/rows/vocabulary', words()],
  ['a word that is in a vocabulary twice', '/features/1/rows/vocabulary/2', words('drama', 'comedy', 'drama')],
  [
    'a set of no values',
    '/features/1/maxValues',
    feature({ kind: 'categories', name: 'tags', scope: 'item', rows: { buckets: 8 }, maxValues: 0 }),
  ],
  [
    'a set over an empty vocabulary',
    '/features/1/rows/vocabulary',
    feature({ kind: 'categories', name: 'tags', scope: 'item', rows: { vocabulary: [] }, maxValues: 2 }),
  ],
  [
    'a text of no words',
    '/features/1/maxTokens',
    feature({ kind: 'text', name: 'title', scope: 'item', rows: { buckets: 8 }, maxTokens: 0 }),
  ],
  [
    'a text without buckets',
    '/features/1/rows/buckets',
    feature({ kind: 'text', name: 'title', scope: 'item', rows: { buckets: -8 }, maxTokens: 4 }),
  ],
  ['a window of no days', '/features/1/windowDays', counters({ windowDays: 0 })],
  ['a window longer than the days that are kept', '/features/1/windowDays', counters({ windowDays: 31 })],
  ['a window of a day and a half', '/features/1/windowDays', counters({ windowDays: 1.5 })],
  ['a prior without strength', '/features/1/strength', counters({ strength: 0 })],
  ['a prior of endless strength', '/features/1/strength', counters({ strength: Number.POSITIVE_INFINITY })],
  ['a history of no items', '/features/1/length', history({ length: 0 })],
  ['a history longer than what is kept at hand', '/features/1/length', history({ length: 201 })],
  ['a history that sees nothing of its items', '/features/1/items', history({ items: [] })],
  ['a history through a feature that is not there', '/features/1/items/1', history({ items: ['itemId', 'genre'] })],
  ['a history through itself', '/features/1/items/0', history({ items: ['past'] })],
  ['a task with a negative window', '/tasks/1/windowMs', task({ windowMs: -1 })],
  ['a task with an endless window', '/tasks/1/windowMs', task({ windowMs: Number.POSITIVE_INFINITY })],
  ['a loss weight below 0', '/tasks/1/lossWeight', task({ lossWeight: -1 })],
  [
    'a largest value that is not a number',
    '/tasks/1/label/most',
    task({ label: { rule: 'value', kind: 'play', most: Number.NaN } }),
  ],
  ['a loss weight that is not a number', '/tasks/1/lossWeight', task({ lossWeight: Number.NaN })],
  ['an endless score weight', '/tasks/1/scoreWeight', task({ scoreWeight: Number.NEGATIVE_INFINITY })],
  [
    'a least value that is not a number',
    '/tasks/1/label/value',
    task({ label: { rule: 'atLeast', kind: 'play', value: Number.NaN } }),
  ],
  ['a task given one that is not there', '/tasks/1/given', task({ given: 'buy' })],
  ['a task given itself', '/tasks/1/given', task({ given: 'task0' })],
  [
    'a chain of tasks whose last is given one that is not there',
    '/tasks/2/given',
    task({ given: 'task1' }, { given: 'buy' }),
  ],
  [
    'a circle of tasks behind a task',
    '/tasks/2/given',
    task({ given: 'task1' }, { given: 'task2' }, { given: 'task1' }),
  ],
  ['two tasks that are given each other', '/tasks/1/given', task({ given: 'task1' }, { given: 'task0' })],
  ['embeddings without width', '/trunk/dimension', { ...config, trunk: { dimension: 0 } }],
  ['id dropout of everything', '/trunk/idDropout', { ...config, trunk: { idDropout: 1 } }],
  ['negative dropout', '/trunk/dropout', { ...config, trunk: { dropout: -0.1 } }],
  [
    'no expert',
    '/architecture/experts',
    { ...config, architecture: { kind: 'mmoe', experts: 0, hidden: 8, tower: 8 } },
  ],
  ['no hidden unit', '/architecture/hidden', { ...config, architecture: { kind: 'single-task', hidden: 0, tower: 8 } }],
  ['no tower', '/architecture/tower', { ...config, architecture: { kind: 'shared-bottom', hidden: 8, tower: 0 } }],
  ['an empty batch', '/training/batchSize', training({ batchSize: 0 })],
  ['no pass over the examples', '/training/epochs', training({ epochs: 0 })],
  ['no patience', '/training/patience', training({ patience: 0 })],
  ['a negative seed', '/training/seed', training({ seed: -1 })],
  ['a learning rate of 0', '/training/rate', training({ rate: 0 })],
  ['an endless rate of embeddings', '/training/embeddingRate', training({ embeddingRate: Number.POSITIVE_INFINITY })],
  ['a rate of the wide part that is not a number', '/training/wideRate', training({ wideRate: Number.NaN })],
  ['a negative ridge', '/training/ridge', training({ ridge: -1 })],
  ['an endless ridge', '/training/ridge', training({ ridge: Number.POSITIVE_INFINITY })],
  ['a negative decay', '/training/optimizer/weightDecay', training({ optimizer: { kind: 'adamw', weightDecay: -1 } })],
  ['clipping to nothing', '/training/clipNorm', training({ clipNorm: 0 })],
  ['a negative warm-up', '/training/schedule/warmupSteps', training({ schedule: { warmupSteps: -1 } })],
  [
    'a decay that ends with the warm-up',
    '/training/schedule/decaySteps',
    training({ schedule: { warmupSteps: 9, decaySteps: 9 } }),
  ],
  ['no example without feedback at all', '/training/negativeSamplingRate', training({ negativeSamplingRate: 0 })],
  ['more of them than there are', '/training/negativeSamplingRate', training({ negativeSamplingRate: 1.5 })],
  ['a rate that is no number', '/training/negativeSamplingRate', training({ negativeSamplingRate: Number.NaN })],
  ['averaging that never moves', '/training/averaging', training({ averaging: 1 })],
]

for (const [what, path, broken] of faults) {
  test(`${what} is refused, with its place`, () => {
    assert.throws(
      () => defineRanker(broken),
      (fault: unknown) => {
        assert.ok(fault instanceof Fault, String(fault))
        assert.equal(fault.code, 'RANKER_DEFINITION_INVALID')
        assert.equal(fault.path, path)
        assert.equal(fault.status, 400)
        assert.match(fault.message, /\w+ .+\.$/)
        return true
      },
    )
  })
}

test('a history may only look through categorical features of items', () => {
  const others: readonly FeatureSpec[] = [
    { kind: 'categorical', name: 'other', scope: 'user', rows: { buckets: 4 } },
    { kind: 'numeric', name: 'other', scope: 'item', scale: 'standard' },
    { kind: 'categories', name: 'other', scope: 'item', rows: { buckets: 4 }, maxValues: 2 },
  ]

  for (const other of others) {
    const past: FeatureSpec = { kind: 'history', name: 'past', length: 5, items: ['other'] }
    assert.throws(() => defineRanker({ ...config, features: [other, past] }), { path: '/features/1/items/0' })
  }
})

test('a name, features and tasks are enough, the rest has defaults', () => {
  const { name, features, tasks, impressions, trunk, architecture, training } = defineRanker(config)

  assert.deepEqual({ name, features, tasks }, config)
  assert.equal(impressions, 'explicit')
  assert.equal(architecture.kind, 'mmoe')
  assert.deepEqual(
    Object.values({ ...trunk, ...training }).filter((value) => value === undefined),
    [],
  )
})

test('what is given replaces that default alone', () => {
  const plain = defineRanker(config)

  const changed = defineRanker({
    ...config,
    impressions: 'top',
    trunk: { dropout: 0 },
    training: { seed: 0, ridge: 0 },
  })

  assert.equal(changed.impressions, 'top')
  assert.deepEqual(changed.trunk, { ...plain.trunk, dropout: 0 })
  assert.deepEqual(changed.training, { ...plain.training, seed: 0, ridge: 0 })
})

test('a definition is complete: defining it again changes nothing', () => {
  const once = defineRanker(task({ given: 'click', lossWeight: 0.5, scoreWeight: -1 }))

  assert.deepEqual(defineRanker(once), once)
})

test('the limits themselves are allowed', () => {
  const allowed: readonly RankerConfig[] = [
    { ...config, name: 'a'.repeat(64) },
    counters({ windowDays: 1 }),
    counters({ windowDays: 30, strength: 1e-9 }),
    history({ length: 200 }),
    words('drama'),
    task({ windowMs: 0 }),
    task({ given: 'task1' }, { given: 'click' }),
    training({ averaging: 0 }),
  ]

  for (const each of allowed) assert.doesNotThrow(() => defineRanker(each))
})
