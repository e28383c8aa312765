import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRandom } from '../../../models/engine/random.ts'
import { createTable, type Table, type TableSettings } from '../../../models/tables/table.ts'
import { createDenseTable } from './dense-table.ts'

const base: TableSettings = {
  rows: 7,
  width: 1,
  columns: [
    { feature: 'user', offset: 1, rows: 2 },
    { feature: 'item', offset: 3, rows: 4 },
  ],
  rate: 0.1,
  ridge: 0,
  averaging: 0.99,
  momentOver: 'touched',
  initialize: () => {},
}
const weightsOf = (table: Pick<Table, 'width' | 'gather'>, rows: readonly number[]): number[] => {
  const target = new Float32Array(rows.length * table.width)
  table.gather(Int32Array.from(rows), target)
  return [...target]
}
const update = (table: Pick<Table, 'update'>, rows: readonly number[], gradient: readonly number[]) =>
  table.update(Int32Array.from(rows), Float32Array.from(gradient))

/** To 1e-5 of the value, or of `scale`, the size of numbers whose float32 rounding a small difference may carry. */
function assertClose(found: ArrayLike<number>, wanted: readonly number[], where = '', scale = 0): void {
  assert.equal(found.length, wanted.length)
  wanted.forEach((value, i) => {
    const allowed = 1e-5 * Math.max(Math.abs(value), scale)
    assert.ok(Math.abs(found[i]! - value) <= allowed, `${where} at ${i}: ${found[i]}, not ${value}`)
  })
}

test('a first gradient moves its row by about one rate, whatever its length', () => {
  for (const gradient of [2, -0.001, 1e5]) {
    const table = createTable(base)
    update(table, [1], [gradient])

    assertClose(weightsOf(table, [1]), [-0.1 * Math.sign(gradient)])
  }
})

test('one step by hand: gradients of a column are measured by their mean square over its touched rows', () => {
  const table = createTable(base)
  update(table, [1, 2, 5], [3, 1, 7])

  // Column user: mean square (9 + 1) / 2, column item: 49.
  assertClose(weightsOf(table, [1, 2, 5]), [-0.3 / Math.sqrt(5), -0.1 / Math.sqrt(5), -0.1])
})

test('two steps by hand: the second moment forgets a hundredth a step, without the bias of its start', () => {
  const table = createTable(base)
  update(table, [1], [3])
  update(table, [1], [1])

  const moment = (0.99 * 0.01 * 9 + 0.01 * 1) / (1 - 0.99 ** 2)
  assertClose(weightsOf(table, [1]), [-0.1 - 0.1 / Math.sqrt(moment)])
})

test('rows without a gradient count where moments are over the trained rows, and do not where over the touched', () => {
  const second = (momentOver: 'touched' | 'trained') => {
    const table = createTable({ ...base, momentOver })
    update(table, [3, 4, 5, 6], [1, 1, 1, 1])
    update(table, [3, 4], [2, 0])
    return weightsOf(table, [3])[0]! + 0.1
  }

  assertClose([second('touched')], [-0.2 / Math.sqrt((0.99 * 0.01 + 0.01 * 4) / (1 - 0.99 ** 2))])
  assertClose([second('trained')], [-0.2 / Math.sqrt((0.99 * 0.01 + 0.01 * 1) / (1 - 0.99 ** 2))])
})

test('gradients of a row that comes several times are summed first', () => {
  const [repeated, once] = [createTable(base), createTable(base)]
  update(repeated, [1, 3, 1, 1, 3], [1, 5, 2, -0.5, 1])
  update(once, [1, 3], [2.5, 6])

  assert.deepEqual(repeated.averaged(), once.averaged())
  assert.deepEqual(weightsOf(repeated, [1, 3]), weightsOf(once, [1, 3]))
})

test('an average starts where its row does and follows it, ever slower', () => {
  const table = createTable({ ...base, initialize: (_, weights) => void weights.fill(1) })
  update(table, [1], [1])
  const first = 0.9 + (1 / 11) * 0.1
  assertClose([table.averaged()[1]!], [first])

  update(table, [1], [1])
  assertClose([table.averaged()[1]!], [0.8 + (2 / 12) * (first - 0.8)])
})

test('an untouched row reads as zero, also where rows do not start at zero', () => {
  const table = createTable({ ...base, width: 2, initialize: (row, weights) => void weights.fill(row) })
  update(table, [2, 5], [0, 0, 0, 0])

  assert.deepEqual(weightsOf(table, [1, 2, 3, 5, 6]), [0, 0, 2, 2, 0, 0, 5, 5, 0, 0])
  assert.deepEqual([...table.averaged()], [0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 5, 5, 0, 0])
})

test('row 0 stays zero and moves nothing, whatever gradient it is given', () => {
  const [withZero, without] = [createTable(base), createTable(base)]
  for (let i = 0; i < 5; i++) {
    update(withZero, [0, 1, 0, 4], [1e6, 1, -9, 2])
    update(without, [1, 4], [1, 2])
  }

  assert.equal(weightsOf(withZero, [0])[0], 0)
  assert.deepEqual(withZero.averaged(), without.averaged())
})

test('a row is initialised once, when it is first trained', () => {
  const started: number[] = []
  const table = createTable({ ...base, initialize: (row) => void started.push(row) })
  weightsOf(table, [1, 2, 3])
  update(table, [4, 1, 4], [1, 1, 1])
  update(table, [1, 2], [1, 1])
  table.averaged()

  assert.deepEqual(started, [4, 1, 2])
})

test('the ridge pulls rows towards zero at every step, touched or not', () => {
  const table = createTable({ ...base, ridge: 0.5, initialize: (_, weights) => void weights.fill(1) })
  update(table, [3, 4], [1, 0])
  // The pace of column item is the rate, 0.1: a step shrinks by 1 - 0.1 * 0.5.
  assertClose(weightsOf(table, [3, 4]), [0.95 - 0.1, 0.95])

  update(table, [1], [1])
  assertClose(weightsOf(table, [4]), [0.95 * (1 - (0.1 * 0.5) / Math.sqrt(0.0099 / (1 - 0.99 ** 2)))])
})

interface Plan {
  readonly seed: number
  readonly steps: number
  readonly settings: Pick<TableSettings, 'ridge' | 'averaging' | 'momentOver' | 'width' | 'rate'>
}

/** The same random steps on the table and on the dense one: weights after every few steps, averages at the end. */
function assertParity({ seed, steps, settings }: Plan): void {
  const { uniform, normal, fork } = createRandom(seed)
  const columns = [
    { feature: 'user', offset: 1, rows: 3 },
    { feature: 'item', offset: 4, rows: 12 },
    { feature: 'hour', offset: 16, rows: 2 },
  ]
  const all: TableSettings = {
    ...settings,
    rows: 18,
    columns,
    initialize: (row, weights) => {
      const own = fork(`${row}`)
      for (let i = 0; i < weights.length; i++) weights[i] = own.normal()
    },
  }
  const [table, dense] = [createTable(all), createDenseTable(all)]
  const everyRow = Array.from({ length: 18 }, (_, row) => row)
  let largest = 0
  for (let step = 1; step <= steps; step++) {
    // Low rows come often, high ones hardly ever; row 0 among them.
    const rows = Array.from({ length: 1 + Math.floor(uniform() * 6) }, () => Math.floor(18 * uniform() ** 2))
    const gradient = rows.flatMap(() => Array.from({ length: settings.width }, () => (uniform() < 0.2 ? 0 : normal())))
    update(table, rows, gradient)
    update(dense, rows, gradient)
    largest = Math.max(largest, ...weightsOf(dense, everyRow).map(Math.abs))
    const read = everyRow.filter(() => uniform() < 0.2)
    assertClose(weightsOf(table, read), weightsOf(dense, read), `step ${step}`, largest)
  }
  assertClose(table.averaged(), [...dense.averaged()], 'averages', largest)
  assertClose(weightsOf(table, everyRow), weightsOf(dense, everyRow), 'weights', largest)
}

for (const momentOver of ['touched', 'trained'] as const) {
  test(`a table is its dense self, with moments over the ${momentOver} rows`, () => {
    const settings = fc.record({
      ridge: fc.constantFrom(0, 0.001, 0.1, 3, 30),
      averaging: fc.constantFrom(0, 0.5, 0.9, 0.99),
      momentOver: fc.constant(momentOver),
      width: fc.constantFrom(1, 3),
      rate: fc.constantFrom(0.001, 0.1),
    })
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 120 }), settings, (seed, steps, chosen) =>
        assertParity({ seed, steps, settings: chosen }),
      ),
      { numRuns: 60 },
    )
  })

  test(`a table stays its dense self over thousands of steps, with moments over the ${momentOver} rows`, () => {
    const settings = { ridge: 0.05, averaging: 0.99, momentOver, width: 2, rate: 0.05 }
    assertParity({ seed: 5, steps: 3000, settings })
    assertParity({ seed: 6, steps: 3000, settings: { ...settings, ridge: 1 } })
  })
}

test('steps touch only their rows of a large table, and read no others', () => {
  const rows = 5_000_000
  const random = createRandom(1)
  const touched = Array.from({ length: 300 }, () => 1 + Math.floor(random.uniform() * (rows - 1)))
  const started = new Set<number>()
  const table = createTable({
    ...base,
    rows,
    columns: [{ feature: 'item', offset: 1, rows: rows - 1 }],
    ridge: 0.01,
    momentOver: 'trained',
    initialize: (row, weights) => {
      started.add(row)
      weights.fill(1)
    },
  })
  for (let step = 0; step < 1000; step++) {
    const ids = Array.from({ length: 30 }, () => touched[Math.floor(random.uniform() * touched.length)]!)
    weightsOf(table, ids)
    update(table, ids, Array.from(ids, random.normal))
  }
  const averaged = table.averaged()

  assert.deepEqual(started, new Set(touched))
  let changed = 0
  for (const value of averaged) if (value !== 0) changed++
  assert.equal(changed, started.size)
  for (const row of started) assert.notEqual(averaged[row], 0)
})
