import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createNetwork } from '../../../models/architectures/network.ts'
import { openOnnxFile } from '../../../models/engine/cpu.ts'
import { toOnnx } from '../../../models/engine/onnx/lower.ts'
import { createRandom, type Random } from '../../../models/engine/random.ts'
import { record } from '../../../models/engine/record.ts'
import { writeSafetensors } from '../../../models/engine/safetensors.ts'
import { type Calibration, uncalibrated } from '../../../models/objectives/calibration.ts'
import { deepTable, scoringStep, wideTable } from '../../../models/objectives/scoring-step.ts'
import type { SideLayout } from '../../../models/spec/batch.ts'
import { createTable } from '../../../models/tables/table.ts'
import { smallArchitectures } from '../architectures/small-architectures.ts'
import { networkLogits, type PlainSide, wholeRanker, wholeStatistics } from '../architectures/whole-ranker.ts'
import { bitsOf, runProgram } from '../engine/run-step.ts'

const widths = { dimension: 4, tasks: 3 }
const calibrations: readonly Calibration[] = [
  { scale: 0.8, shift: -0.5 },
  { scale: 1.5, shift: 2 },
  { scale: 1, shift: 0.25 },
]
type Named = Readonly<Record<string, Float32Array>>

/** One side as the encoder writes it: rows of the table, weights, numbers. */
interface Encoded {
  readonly rows: Int32Array
  readonly weights: Float32Array
  readonly numbers: Float32Array
  readonly present: Float32Array
}
function encoded(
  { slots, numbers }: SideLayout,
  places: number,
  tableRows: number,
  { uniform, normal }: Random,
): Encoded {
  const present = Float32Array.from({ length: places * numbers.length }, () => Number(uniform() < 0.8))
  return {
    rows: Int32Array.from({ length: places * slots }, () => Math.floor(uniform() * tableRows)),
    weights: Float32Array.from({ length: places * slots }, uniform),
    numbers: present.map((there) => there * normal()),
    present,
  }
}
/** The same with its rows looked up. */
function lookedUp({ rows, ...rest }: Encoded, tables: { deep: Float32Array; wide: Float32Array }): PlainSide {
  const part = (table: Float32Array, width: number) =>
    Float32Array.from([...rows].flatMap((row) => [...table.subarray(row * width, (row + 1) * width)]))
  return { ...rest, deep: part(tables.deep, 4), wide: part(tables.wide, 3) }
}

function setUp(architecture = smallArchitectures[2]!, given = calibrations, candidates = 16) {
  const definition = wholeRanker({ architecture })
  const network = createNetwork(definition, wholeStatistics)
  const random = createRandom(5)
  const { tableRows } = network.layout
  const draw = (length: number, scale = 1) => Float32Array.from({ length }, () => scale * random.normal())
  const tables = { deep: draw(tableRows * 4).fill(0, 0, 4), wide: draw(tableRows * 3, 0.3).fill(0, 0, 3) }
  const flat = draw(network.parameters.size, 0.5)
  const request = encoded(network.layout.request, 1, tableRows, random)
  const candidate = encoded(network.layout.candidate, candidates, tableRows, random)
  const program = record(scoringStep(definition, network, given, candidates))
  const named: Named = Object.fromEntries(
    network.parameters.parameters.map(({ name, offset, size }) => [name, flat.subarray(offset, offset + size)]),
  )
  const score = async (
    sides: { request: Encoded; candidate: Encoded },
    dense = named,
    both: Record<'deep' | 'wide', Float32Array> = tables,
  ) => {
    const parts = Object.entries(sides).flatMap(([side, arrays]) =>
      Object.entries(arrays).map(
        ([part, values]: [string, Float32Array | Int32Array]) => [`${side}.${part}`, values] as const,
      ),
    )
    const feeds = { ...Object.fromEntries(parts), ...dense, [deepTable]: both.deep, [wideTable]: both.wide }
    return (await runProgram(program, feeds)).scores as Float32Array
  }
  return { network, program, tables, flat, request, candidate, score }
}

test('inputs are the arrays of the encoder and the weights by the names of the weights file', () => {
  const { program, network } = setUp()
  const { request, candidate, tableRows } = network.layout
  const shapes = Object.fromEntries(program.inputs.map(({ name, value }) => [name, program.values[value]]))

  const side = (name: string, { slots, numbers }: SideLayout, places: number) => ({
    [`${name}.rows`]: { shape: [places, slots], dtype: 'int32' },
    [`${name}.weights`]: { shape: [places, slots], dtype: 'float32' },
    [`${name}.numbers`]: { shape: [places, numbers.length], dtype: 'float32' },
    [`${name}.present`]: { shape: [places, numbers.length], dtype: 'float32' },
  })
  assert.deepEqual(shapes, {
    ...side('request', request, 1),
    ...side('candidate', candidate, 16),
    'table.deep': { shape: [tableRows, 4], dtype: 'float32' },
    'table.wide': { shape: [tableRows, 3], dtype: 'float32' },
    ...Object.fromEntries(network.parameters.parameters.map(({ name, shape }) => [name, { shape, dtype: 'float32' }])),
  })
  assert.deepEqual(
    program.outputs.map(({ name, value }) => [name, program.values[value]!.shape]),
    [['scores', [16, 3]]],
  )
})

for (const architecture of smallArchitectures) {
  test(`${architecture.kind}: scores are the calibrated logits of training, probabilities or values`, async () => {
    const { network, tables, flat, request, candidate, score } = setUp(architecture)
    const sides = [lookedUp(request, tables), lookedUp(candidate, tables)] as const
    const logits = await networkLogits(network, widths, flat, ...sides, [1, 16])
    const scores = await score({ request, candidate })

    scores.forEach((found, i) => {
      const { scale, shift } = calibrations[i % 3]!
      const calibrated = scale * logits[i]! + shift
      const wanted = i % 3 === 1 ? calibrated : 1 / (1 + Math.exp(-calibrated))
      assert.ok(Math.abs(found - wanted) < 2e-6 * Math.max(1, Math.abs(wanted)), `score ${i}: ${found}, not ${wanted}`)
    })
  })
}

test('probabilities lie within 0 and 1, values wherever they like', async () => {
  const { request, candidate, score, tables } = setUp()
  const far = { deep: tables.deep, wide: tables.wide.map((value, i) => (i % 3 === 1 ? 1e4 : 300) * value) }
  const scores = await score({ request, candidate }, undefined, far)
  const task = (t: number) => [...scores].filter((_, i) => i % 3 === t)

  for (const t of [0, 2])
    assert.equal(
      task(t).every((p) => p >= 0 && p <= 1),
      true,
    )
  assert.ok(Math.max(...task(1).map(Math.abs)) > 100)
})

test('without calibration a binary score is the sigmoid of its logit, a value the value itself', async () => {
  const plain = [uncalibrated, uncalibrated, uncalibrated]
  const { network, tables, flat, request, candidate, score } = setUp(undefined, plain)
  const logits = await networkLogits(
    network,
    widths,
    flat,
    lookedUp(request, tables),
    lookedUp(candidate, tables),
    [1, 16],
  )
  const scores = await score({ request, candidate })

  scores.forEach((found, i) => {
    const wanted = i % 3 === 1 ? logits[i]! : 1 / (1 + Math.exp(-logits[i]!))
    assert.ok(Math.abs(found - wanted) < 2e-6, `score ${i}`)
  })
})

test('padding and other candidates change no bit of a score', async () => {
  const { request, candidate, score } = setUp()
  const all = bitsOf(await score({ request, candidate }))
  const padded = structuredClone(candidate)
  for (const array of Object.values(padded)) array.fill(0, (array.length / 16) * 3)
  const few = bitsOf(await score({ request, candidate: padded }))

  assert.deepEqual(few.slice(0, 9), all.slice(0, 9))
  assert.notDeepEqual(few.slice(9), all.slice(9))
})

test('ids that were never trained add nothing, wherever they stand', async () => {
  const { network, request, candidate, score } = setUp()
  const { tableRows, columns } = network.layout
  assert.equal(tableRows % 2, 1)
  const table = (width: number) => {
    const settings = { rate: 0.1, ridge: 0, averaging: 0.9, momentOver: 'touched', columns } as const
    const trained = createTable({
      ...settings,
      rows: tableRows,
      width,
      initialize: (_, weights) => void weights.fill(0.5),
    })
    // Every second row is trained.
    const rows = Int32Array.from({ length: tableRows >> 1 }, (_, i) => 2 * i)
    trained.update(rows, Float32Array.from({ length: rows.length * width }, createRandom(width).normal))
    return trained.averaged()
  }
  const tables = { deep: table(4), wide: table(3) }
  const unseen = (side: Encoded): Encoded => ({
    ...side,
    rows: side.rows.map((row) => Math.min(row | 1, tableRows - 2)),
  })
  const nobody = (side: Encoded): Encoded => ({ ...side, weights: side.weights.map(() => 0) })
  const seen = (side: Encoded): Encoded => ({ ...side, rows: side.rows.map((row) => row & ~1 || 2) })
  const scores = (change: (side: Encoded) => Encoded) =>
    score({ request: change(request), candidate: change(candidate) }, undefined, tables)

  assert.deepEqual(await scores(unseen), await scores(nobody))
  assert.notDeepEqual(await scores(seen), await scores(nobody))
})

test('a request is scored the same in a larger bucket', async () => {
  const [small, large] = [setUp(), setUp(undefined, undefined, 64)]
  const grown = (side: Encoded): Encoded => {
    const longer = <T extends Float32Array | Int32Array>(array: T, into: T): T => {
      into.set(array)
      return into
    }
    const { rows, weights, numbers, present } = side
    return {
      rows: longer(rows, new Int32Array(rows.length * 4)),
      weights: longer(weights, new Float32Array(weights.length * 4)),
      numbers: longer(numbers, new Float32Array(numbers.length * 4)),
      present: longer(present, new Float32Array(present.length * 4)),
    }
  }
  const { request, candidate } = small
  const [narrow, wide] = [
    await small.score({ request, candidate }),
    await large.score({ request, candidate: grown(candidate) }),
  ]

  narrow.forEach((found, i) => {
    assert.ok(Math.abs(found - wide[i]!) < 1e-6 * Math.max(1, Math.abs(found)), `score ${i}: ${found} and ${wide[i]}`)
  })
})

test('written as a graph beside a file of its weights, it gives the scores of weights that are fed', async () => {
  const { network, program, tables, flat, request, candidate, score } = setUp()
  const { tableRows } = network.layout
  const { pieces, tensors } = writeSafetensors([
    ...network.parameters.parameters.map(({ name, shape, offset, size }) => ({
      name,
      shape,
      data: flat.subarray(offset, offset + size),
    })),
    { name: deepTable, shape: [tableRows, 4], data: tables.deep },
    { name: wideTable, shape: [tableRows, 3], data: tables.wide },
  ])
  const location = 'weights.safetensors'
  const external = Object.fromEntries(tensors.map((tensor) => [tensor.name, { ...tensor, location }]))
  const folder = await mkdtemp(join(tmpdir(), 'polyrank-scoring-'))
  await writeFile(join(folder, location), Buffer.concat(pieces))
  await writeFile(join(folder, 'ranker.onnx'), toOnnx(program, external))
  const session = await openOnnxFile(join(folder, 'ranker.onnx'), { threads: 1 })

  // Only what the encoder writes is left to feed.
  const sides = Object.entries({ request, candidate })
  const feeds = Object.fromEntries(
    sides.flatMap(([side, arrays]) => Object.entries(arrays).map(([part, values]) => [`${side}.${part}`, values])),
  )
  const { scores } = await session.run(feeds)
  assert.deepEqual(bitsOf(scores!), bitsOf(await score({ request, candidate })))
  await session.close()
  await rm(folder, { recursive: true })
})
