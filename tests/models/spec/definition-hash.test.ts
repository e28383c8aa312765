import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { canonical, definitionHash } from '../../../models/spec/definition-hash.ts'
import type { FeatureSpec } from '../../../models/spec/features.ts'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import type { TaskSpec } from '../../../models/spec/tasks.ts'
import { fullRanker, rankerOf } from './rankers.ts'

const itemId: FeatureSpec = { kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 100 }, isId: true }
const age: FeatureSpec = { kind: 'numeric', name: 'age', scope: 'user', scale: 'log' }
const complete = rankerOf(itemId, age)
/** What decides the hash, said here, whatever the defaults are. */
const plain: RankerDefinition = {
  ...complete,
  trunk: { ...complete.trunk, dimension: 8 },
  architecture: { kind: 'mmoe', experts: 4, hidden: 64, tower: 32 },
}
const click = plain.tasks[0]!
const withTask = (task: Partial<TaskSpec>): RankerDefinition => ({ ...plain, tasks: [{ ...click, ...task }] })
const withFeatures = (...features: FeatureSpec[]): RankerDefinition => ({ ...plain, features })

/** The same value with the keys of every object in another order. */
function reordered(value: unknown, order: (keys: string[]) => string[]): unknown {
  if (Array.isArray(value)) return value.map((each) => reordered(each, order))
  if (value === null || typeof value !== 'object') return value
  const fields = new Map(Object.entries(value))
  return Object.fromEntries(order([...fields.keys()]).map((key) => [key, reordered(fields.get(key), order)]))
}

test('the hash of a definition is the one that its trained versions carry', () => {
  assert.equal(definitionHash(plain), 'f8c5c738fdfb198b37af67e2ce85cf2a178a444ddce67fb03c888b1afa18e047')
})

test('the order of keys does not change the hash', () => {
  const backwards = reordered(fullRanker, (keys) => keys.sort().reverse()) as RankerDefinition

  assert.deepEqual(backwards, fullRanker)
  assert.notEqual(JSON.stringify(backwards), JSON.stringify(fullRanker))
  assert.equal(definitionHash(backwards), definitionHash(fullRanker))
})

test('what is trained, blended or named otherwise has the same hash', () => {
  const others: readonly RankerDefinition[] = [
    { ...plain, name: 'search' },
    { ...plain, impressions: 'top' },
    { ...plain, trunk: { ...plain.trunk, idDropout: 0.1, dropout: 0 } },
    { ...plain, training: { ...plain.training, epochs: 1, rate: 0.1, seed: 9, batchSize: 32 } },
    withTask({ lossWeight: 3 }),
    withTask({ scoreWeight: 3 }),
  ]

  for (const other of others) assert.equal(definitionHash(other), definitionHash(plain))
})

test('whatever decides tensors, features or labels has a hash of its own', () => {
  const like: TaskSpec = { ...click, name: 'like' }
  const different: readonly RankerDefinition[] = [
    plain,
    withFeatures(age, itemId),
    withFeatures(itemId),
    withFeatures(itemId, age, { ...age, name: 'height' }),
    withFeatures({ ...itemId, rows: { buckets: 101 } }, age),
    withFeatures({ ...itemId, rows: { vocabulary: ['i1'] } }, age),
    withFeatures({ ...itemId, isId: false }, age),
    withFeatures({ ...itemId, field: 'sku' }, age),
    withFeatures({ ...itemId, name: 'sku' }, age),
    withFeatures(itemId, { ...age, scale: 'buckets' }),
    withFeatures(itemId, { ...age, scope: 'context' }),
    withTask({ name: 'tap' }),
    withTask({ windowMs: 1 }),
    withTask({ label: { rule: 'happened', kind: 'like' } }),
    withTask({ label: { rule: 'atLeast', kind: 'click', value: 1 } }),
    withTask({ label: { rule: 'atLeast', kind: 'click', value: 2 } }),
    withTask({ label: { rule: 'value', kind: 'click' } }),
    withTask({ label: { rule: 'value', kind: 'click', transform: 'log' } }),
    { ...plain, tasks: [click, like] },
    { ...plain, tasks: [like, click] },
    { ...plain, tasks: [click, { ...like, given: 'click' }] },
    { ...plain, trunk: { ...plain.trunk, dimension: 9 } },
    { ...plain, architecture: { kind: 'mmoe', experts: 5, hidden: 64, tower: 32 } },
    { ...plain, architecture: { kind: 'mmoe', experts: 4, hidden: 65, tower: 32 } },
    { ...plain, architecture: { kind: 'mmoe', experts: 4, hidden: 64, tower: 33 } },
    { ...plain, architecture: { kind: 'shared-bottom', hidden: 64, tower: 32 } },
    { ...plain, architecture: { kind: 'single-task', hidden: 64, tower: 32 } },
  ]

  assert.equal(new Set(different.map(definitionHash)).size, different.length)
})

test('canonical text has sorted keys at every depth, and lists in their order', () => {
  assert.equal(canonical({ b: [{ d: 1, c: 2 }, 'x'], a: null }), '{"a":null,"b":[{"c":2,"d":1},"x"]}')
})

test('equal values have equal canonical texts that read back as the value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const copy = JSON.parse(JSON.stringify(value)) as unknown
      const text = canonical(value)
      return text === canonical(reordered(copy, (keys) => keys.reverse())) && isDeepStrictEqual(JSON.parse(text), copy)
    }),
  )
})
