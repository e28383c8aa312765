import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import { type FitOptions, fit } from '../../../pipelines/training/fit.ts'
import { type OlderVersion, sayStart, versionToStartFrom, warmStart } from '../../../pipelines/training/warm-start.ts'
import { versionOf } from '../../contracts/versions.ts'
import { olderOf } from './older-version.ts'
import { optionsOf } from './small-fit.ts'
import { rankerWith, worldOf } from './small-source.ts'

const definition = rankerWith()
const options = optionsOf(definition)
const weights = await fit(options)

const older = olderOf(options, weights)

/** What a fit begins with: no pass is made. */
const begun = (of: FitOptions, from: OlderVersion = older) =>
  fit({ ...of, epochs: 0, start: warmStart(from, of.definition, of.network) })

const columnOf = ({ network, definition: own }: FitOptions, table: Float32Array, feature: string) => {
  const { offset, rows } = network.layout.columns.find((column) => column.feature === feature)!
  const width = table.length / network.layout.tableRows
  assert.ok(width === own.trunk.dimension || width === own.tasks.length, 'the table is as wide as one of them')
  return table.subarray(offset * width, (offset + rows) * width)
}

test('a ranker that is as it was begins with every weight of the older version, what it has not seen too', async () => {
  const unseen = optionsOf(definition, worldOf(60, { seed: 9 }))

  assert.deepEqual(await begun(unseen), weights)
  const { added, dropped } = warmStart(older, definition, unseen.network)
  assert.deepEqual([added, dropped], [[], []])
})

test('learning goes on from there: passes over what the older version learnt leave its unseen ids alone', async () => {
  const other = optionsOf(definition, worldOf(4, { seed: 9 }))
  const start = warmStart(older, definition, other.network)

  const [one, two] = [await fit({ ...other, start }), await fit({ ...other, start })]

  assert.deepEqual(two, one)
  assert.notDeepEqual(one.dense, weights.dense)
  const seen = new Set([...other.examples.request.rows, ...other.examples.candidate.rows])
  const width = definition.trunk.dimension
  const rows = Array.from({ length: other.network.layout.tableRows }, (_, row) => row).slice(1)
  const kept = rows.filter((row) => !seen.has(row))
  const at = (table: Float32Array, row: number) => table.subarray(row * width, (row + 1) * width)
  assert.ok(kept.length > 10, `${kept.length} rows were not seen`)
  for (const row of kept) assert.deepEqual(at(one.deep, row), at(weights.deep, row), `row ${row}`)
})

const changed = (change: Partial<RankerDefinition>): RankerDefinition => ({ ...definition, ...change })
const withoutGenre = changed({
  features: [
    { kind: 'categorical', name: 'maker', scope: 'item', rows: { buckets: 4 } },
    { kind: 'numeric', name: 'price', scope: 'item', scale: 'log' },
    ...definition.features.flatMap((feature) => {
      if (feature.name === 'genre') return []
      return feature.name === 'userId' ? [{ ...feature, rows: { buckets: 32 } } as typeof feature] : [feature]
    }),
  ],
})

test('of a changed ranker, rows of features that are as they were move to their new places; the rest begins anew', async () => {
  const now = optionsOf(withoutGenre)

  const start = warmStart(older, withoutGenre, now.network)
  const found = await begun(now)

  for (const feature of ['itemId', 'band']) {
    assert.deepEqual(columnOf(now, found.deep, feature), columnOf(options, weights.deep, feature), feature)
    assert.deepEqual(columnOf(now, found.wide, feature), columnOf(options, weights.wide, feature), feature)
  }
  for (const feature of ['maker', 'userId'])
    assert.ok(
      columnOf(now, found.deep, feature).every((weight) => weight === 0),
      `${feature} was never trained`,
    )
  for (const table of ['table.deep', 'table.wide']) {
    assert.ok(
      start.added.includes(`${table} of maker`) && start.added.includes(`${table} of userId`),
      start.added.join(),
    )
    assert.ok(start.dropped.includes(`${table} of genre`), start.dropped.join())
  }
  // Layers that read inputs have another shape, as these are more than they were; the others are as they were.
  const { parameters } = now.network.parameters
  let sames = 0
  for (const { name, offset, size } of parameters) {
    const before = older.tensors.get(name)!
    const isSame = before.data.length === size
    assert.equal(start.added.includes(name), !isSame, name)
    assert.equal(start.dropped.includes(name), !isSame, name)
    sames += isSame ? 1 : 0
    if (isSame) assert.deepEqual(found.dense.subarray(offset, offset + size), before.data, name)
  }
  assert.ok(sames > 0 && sames < parameters.length, `${sames} of ${parameters.length} are as they were`)
})

test('vectors of another width begin anew, and so does the wide part where tasks differ', () => {
  const wider = changed({ trunk: { ...definition.trunk, dimension: 8 } })
  const fewer = changed({ tasks: definition.tasks.slice(0, 1) })

  const [ofWider, ofFewer] = [wider, fewer].map((each) => warmStart(older, each, optionsOf(each).network))

  assert.deepEqual([ofWider!.deep.rows.length, ofFewer!.wide.rows.length], [0, 0])
  assert.ok(ofWider!.wide.rows.length > 0 && ofFewer!.deep.rows.length > 0, 'the other table is taken up')
})

test('inputs or tasks that are as many as they were, but others or in another order, take no dense weights', () => {
  const renamed = changed({
    features: definition.features.map((feature) => (feature.name === 'genre' ? { ...feature, name: 'kind' } : feature)),
  })
  const turned = changed({ features: definition.features.toReversed() })
  const tasksTurned = changed({ tasks: definition.tasks.toReversed() })

  for (const next of [renamed, turned, tasksTurned]) {
    const { dense, deep } = warmStart(older, next, optionsOf(next).network)
    assert.equal(dense.size, 0)
    assert.ok(deep.rows.length > 0, 'rows of the features are theirs')
  }
})

test('a vocabulary with other words begins anew, with as many rows too', () => {
  const ofWords = (...words: string[]) =>
    changed({
      features: [
        { kind: 'categorical', name: 'genre', scope: 'item', rows: { vocabulary: words } },
        ...definition.features.slice(3),
      ],
    })
  const before = optionsOf(ofWords('g0', 'g1'))
  const ones = before.network.layout.tableRows
  const trained = olderOf(before, {
    dense: new Float32Array(before.network.parameters.size),
    deep: new Float32Array(ones * definition.trunk.dimension).fill(1),
    wide: new Float32Array(ones * definition.tasks.length).fill(1),
  })
  const addedBy = (next: RankerDefinition) => warmStart(trained, next, optionsOf(next).network).added

  assert.deepEqual(addedBy(ofWords('g0', 'g1')), [])
  assert.deepEqual(addedBy(ofWords('g0', 'g2')), ['table.deep of genre', 'table.wide of genre'])
})

test('what a training starts from is said in a line, long lists cut', () => {
  const names = Array.from({ length: 10 }, (_, i) => `n${i}`)
  const start = { ...warmStart(older, definition, options.network), dropped: names }

  assert.equal(sayStart('v1', start), 'starts from v1; left out: n0, n1, n2, n3, n4, n5, n6, n7 and 2 more')
  assert.equal(sayStart('v1', { ...start, added: ['a'], dropped: [] }), 'starts from v1; begin anew: a')
})

test('a version of another ranker, or none at all, is no start', async () => {
  const registry = { find: async (version: string) => (version === 'v1' ? versionOf('v1') : null) }

  assert.equal((await versionToStartFrom(registry, 'small', 'v1')).version, 'v1')
  for (const [ranker, version] of [
    ['other', 'v1'],
    ['small', 'v2'],
  ] as const) {
    await assert.rejects(versionToStartFrom(registry, ranker, version), {
      ...{ code: 'VERSION_UNKNOWN', path: '/from', status: 404, message: new RegExp(`"${ranker}".*"${version}"`) },
    })
  }
})
