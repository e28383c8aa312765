import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRandom } from '../../../models/engine/random.ts'
import { createTable, type Table, type TableSettings } from '../../../models/tables/table.ts'
import { createDenseTable } from './dense-table.ts'

const rows = 18
const base: TableSettings = {
  rows,
  width: 2,
  columns: [
    { feature: 'user', offset: 1, rows: 3 },
    { feature: 'item', offset: 4, rows: 12 },
    { feature: 'hour', offset: 16, rows: 2 },
  ],
  rate: 0.05,
  ridge: 0.05,
  averaging: 0.99,
  momentOver: 'trained',
  initialize: (row, weights) => void weights.fill(row / 10),
}

/** Random steps of few rows each; low rows come often, the highest hardly ever. */
function makeSteps(table: Pick<Table, 'update' | 'gather'>, from: number, to: number): void {
  const target = new Float32Array(2 * base.width)
  for (let step = from; step < to; step++) {
    const { uniform, normal } = createRandom(step)
    const touched = Int32Array.from({ length: 4 }, () => Math.floor(rows * uniform() ** 3))
    table.gather(touched.subarray(0, 2), target)
    table.update(touched, Float32Array.from({ length: 4 * base.width }, normal))
  }
}
const bytesOf = (table: Table) => ({ state: table.readState(), averaged: table.averaged() })

test('a table made of the state of another goes on to the same bytes', () => {
  const settings = fc.record({
    ridge: fc.constantFrom(0, 0.05, 3),
    momentOver: fc.constantFrom('touched' as const, 'trained' as const),
  })
  fc.assert(
    fc.property(settings, fc.nat({ max: 80 }), fc.nat({ max: 80 }), (chosen, a, b) => {
      const [cut, end] = [Math.min(a, b), Math.max(a, b)]
      const whole = createTable({ ...base, ...chosen })
      makeSteps(whole, 0, cut)
      const resumed = createTable({ ...base, ...chosen }, structuredClone(whole.readState()))
      for (const table of [whole, resumed]) makeSteps(table, cut, end)

      assert.deepEqual(bytesOf(resumed), bytesOf(whole))
    }),
  )
})

test('that holds after thousands of steps, wherever the table was cut', () => {
  for (const ridge of [0, 0.05]) {
    const whole = createTable({ ...base, ridge })
    const states: [number, ReturnType<Table['readState']>][] = []
    let done = 0
    for (const cut of [4_090, 4_095, 4_096, 4_097, 6_000, 8_191]) {
      makeSteps(whole, done, cut)
      states.push([cut, whole.readState()])
      done = cut
    }
    makeSteps(whole, done, 8_200)
    const expected = bytesOf(whole)

    for (const [cut, state] of states) {
      const resumed = createTable({ ...base, ridge }, state)
      makeSteps(resumed, cut, 8_200)
      assert.deepEqual(bytesOf(resumed), expected, `cut after ${cut}`)
    }
  }
})

test('a state is a copy: what the table learns later leaves it as it is', () => {
  const table = createTable(base)
  makeSteps(table, 0, 10)
  const state = table.readState()
  const copy = structuredClone(state)
  makeSteps(table, 10, 40)

  assert.deepEqual(state, copy)
})

test('a state holds the trained rows alone, in order', () => {
  const table = createTable(base)
  table.update(Int32Array.of(16, 0, 5, 16), new Float32Array(8).fill(1))
  const { rows: kept, lastSteps, weights, step } = table.readState()

  assert.deepEqual([[...kept], [...lastSteps], weights.length, step], [[5, 16], [1, 1], 4, 1])
})

test('what a table keeps of its steps is bounded, and it is still its dense self', () => {
  const [table, dense] = [createTable(base), createDenseTable(base)]
  const sizes: number[] = []
  for (let step = 0; step < 9_000; step += 1_000) {
    for (const each of [table, dense]) makeSteps(each, step, step + 1_000)
    sizes.push(table.readState().decays.length)
  }

  const perStep = 1 + 2 * base.columns.length
  assert.deepEqual(
    sizes.map((size) => size / perStep),
    [1_000, 2_000, 3_000, 4_000, 904, 1_904, 2_904, 3_904, 808],
  )
  const [found, wanted] = [table.averaged(), dense.averaged()]
  const largest = Math.max(...wanted.map(Math.abs))
  found.forEach((value, i) => void assert.ok(Math.abs(value - wanted[i]!) < 1e-5 * largest, `at ${i}`))
})

test('a gradient that is not finite is told with its feature, from then on', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const table = createTable(base)
    table.update(Int32Array.of(5, 1), Float32Array.of(1, 3e38, 0, -1))
    assert.equal(table.brokenFeature(), null)

    table.update(Int32Array.of(1, 5), Float32Array.of(0, 0, 0, value))
    assert.equal(table.brokenFeature(), 'item')

    table.update(Int32Array.of(1), Float32Array.of(1, 1))
    assert.equal(table.brokenFeature(), 'item')
  }
})
