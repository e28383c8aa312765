import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { openQuantized } from '../../../../models/engine/cpu.ts'
import { quantizeColumns, quantizeMatmuls, toQuantizedOnnx } from '../../../../models/engine/onnx/quantize.ts'
import type { Program } from '../../../../models/engine/program.ts'
import { createRandom } from '../../../../models/engine/random.ts'
import { record } from '../../../../models/engine/record.ts'
import { bitsOf, runProgram } from '../run-step.ts'

const { normal, uniform } = createRandom(3)
const numbers = (count: number, draw: () => number) => Float32Array.from({ length: count }, draw)
const sizeOf = (shape: readonly number[]) => shape.reduce((size, extent) => size * extent, 1)

/** `x` times constant weights. */
const matmul = (x: readonly number[], shape: readonly number[], weights: Float32Array): Program =>
  record({
    inputs: { x: { shape: x, dtype: 'float32' } },
    run: (inputs) => ({ outputs: { y: tf.matMul(inputs.x!, tf.tensor(weights, [...shape])) } }),
  })

async function runInt8(program: Program, feeds: Readonly<Record<string, Float32Array>>) {
  const session = await openQuantized(program, { threads: 1 })
  const outputs = await session.run(feeds)
  const copied = Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, values.slice()]))
  await session.close()
  return copied as Record<string, Float32Array>
}

test('a column is scaled so that its largest entry is 64, whichever its sign', () => {
  const { values, scales } = quantizeColumns([3, 2], Float32Array.of(1, -4, 0.5, 2, -0.01, 0.07))

  assert.deepEqual([...scales], [1 / 64, 4 / 64])
  assert.deepEqual([...values], [64, -64, 32, 32, -1, 1])
})

test('each matrix of several has scales of its own, and a column of zeros has none', () => {
  const { shape, values, scales } = quantizeColumns([2, 2, 2], Float32Array.of(64, 0, 32, 0, -6.4, 128, 0, -2))

  assert.deepEqual(shape, [2, 2, 2])
  assert.deepEqual([...scales], [1, 0, Math.fround(0.1), 2])
  assert.deepEqual([...values], [64, 0, 32, 0, -64, 64, 0, -1])
})

test('no entry is further from its whole number than half a step, and none leaves the range', () => {
  const entries = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 12, maxLength: 12 })
  fc.assert(
    fc.property(entries, fc.constantFrom([12, 1], [6, 2], [2, 3, 2], [1, 4, 3]), (list, shape) => {
      const data = Float32Array.from(list)
      const { values, scales } = quantizeColumns(shape, data)
      const [rows, columns] = shape.slice(-2) as [number, number]

      data.forEach((entry, i) => {
        const scale = scales[Math.floor(i / (rows * columns)) * columns + (i % columns)]!
        assert.ok(Math.abs(values[i]!) <= 64)
        // Below 1e-43 float32 itself has few steps.
        assert.ok(Math.abs(values[i]! * scale - entry) <= scale * 0.500001 + 1e-43, `${values[i]} of ${entry}`)
      })
    }),
  )
})

test('only large matmuls with known weights are quantised, also where the weights are a part of a vector', () => {
  const flat = numbers(100 * 8 + 2 * 100 * 100, normal)
  const program = record({
    inputs: { x: { shape: [4, 100], dtype: 'float32' }, fed: { shape: [100, 100], dtype: 'float32' } },
    run({ x, fed }) {
      const all = tf.tensor1d(flat)
      const part = (from: number, rows: number, columns: number) =>
        tf.reshape(tf.slice1d(all, from, rows * columns), [rows, columns])
      return {
        outputs: {
          small: tf.matMul(x!, part(0, 100, 8)),
          large: tf.matMul(x!, part(800, 100, 100)),
          turned: tf.matMul(x!, part(10_800, 100, 100), false, true),
          unknown: tf.matMul(x!, fed!),
        },
      }
    },
  })

  const named = (given: Readonly<Record<string, Float32Array>>) =>
    [...quantizeMatmuls(program, given).keys()].map(
      ({ outputs }) => program.outputs.find(({ value }) => value === outputs[0])!.name,
    )
  assert.deepEqual(named({}), ['large'])
  assert.deepEqual(named({ fed: numbers(10_000, normal) }), ['large', 'unknown'])
  const [matrices] = quantizeMatmuls(program).values()
  assert.deepEqual(matrices, quantizeColumns([100, 100], flat.subarray(800, 10_800)))
})

test('weights are known however they are cut, turned and renamed before they are read', () => {
  const flat = numbers(3 * 100 * 100, normal)
  const turned = (perm: readonly number[], shape: readonly number[]) =>
    record({
      inputs: { x: { shape: [4, 100], dtype: 'float32' } },
      run: ({ x }) => {
        const all = tf.reshape(tf.transpose(tf.tensor(flat, [...shape]), [...perm]), [100, 300])
        const [first] = tf.unstack(tf.tensor(flat, [3, 100, 100]))
        return { outputs: { all: tf.matMul(x!, all), first: tf.matMul(x!, first! as tf.Tensor2D) } }
      },
    })

  for (const [perm, shape] of [
    [
      [1, 0, 2],
      [3, 100, 100],
    ],
    [
      [1, 2, 0],
      [3, 100, 100],
    ],
    [
      [2, 0, 1],
      [100, 3, 100],
    ],
  ] as const) {
    const [all, first] = [...quantizeMatmuls(turned(perm, shape)).values()]

    const at = (index: readonly number[]) => (index[0]! * shape[1] + index[1]!) * shape[2] + index[2]!
    const expected: number[] = []
    for (let i = 0; i < shape[perm[0]]; i++)
      for (let j = 0; j < shape[perm[1]]; j++)
        for (let k = 0; k < shape[perm[2]]; k++) {
          const turnedBack = [0, 1, 2].map((axis) => [i, j, k][(perm as readonly number[]).indexOf(axis)]!)
          expected.push(flat[at(turnedBack)]!)
        }
    assert.deepEqual(all, quantizeColumns([100, 300], Float32Array.from(expected)), `${perm}`)
    assert.deepEqual(first, quantizeColumns([100, 100], flat.subarray(0, 10_000)))
  }
})

/** What a row's products may be off by: half a step of each side, and both together. */
function boundOf(x: Float32Array, width: number, weights: Float32Array, columns: number, row: number, column: number) {
  const entries = x.subarray(row * width, (row + 1) * width)
  const own = Float32Array.from({ length: width }, (_, k) => weights[k * columns + column]!)
  const half = (values: Float32Array, levels: number) =>
    values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / levels / 2
  const [left, right] = [half(entries, 127), half(own, 64)]
  return entries.reduce((sum, value, k) => sum + Math.abs(value) * right + Math.abs(own[k]!) * left + left * right, 0)
}

for (const [what, left, right] of [
  ['one matrix', [5, 120], [120, 96]],
  ['a matrix for each of several', [3, 5, 128], [3, 128, 90]],
  ['several matrices over the same rows', [1, 5, 100], [4, 100, 40]],
] as const) {
  test(`products with ${what} are as near those of float32 as the steps allow`, async () => {
    const [width, columns] = right.slice(-2) as [number, number]
    const matrices = sizeOf(right) / (width * columns)
    for (let trial = 0; trial < 4; trial++) {
      const x = numbers(sizeOf(left), () => normal() * (uniform() < 0.1 ? 10 : 1))
      const weights = numbers(sizeOf(right), () => normal() / (1 + trial))
      const program = matmul(left, right, weights)

      const [{ y: wanted }, { y }] = [await runProgram(program, { x }), await runInt8(program, { x })]

      let off = 0
      y!.forEach((value, i) => {
        const [matrix, row, column] = [Math.floor(i / (5 * columns)), Math.floor(i / columns) % 5, i % columns]
        const rows = left.length === 3 && left[0] === matrices ? x.subarray(matrix * 5 * width) : x
        const own = weights.subarray(matrix * width * columns, (matrix + 1) * width * columns)
        const difference = Math.abs(value - wanted![i]!)
        assert.ok(difference <= boundOf(rows, width, own, columns, row, column) * 1.0001, `${i}: ${difference}`)
        off += difference
      })
      assert.ok(off > 0)
    }
  })
}

test('products are those of whole numbers, summed exactly', async () => {
  const [rows, width, columns] = [7, 130, 100]
  const x = numbers(rows * width, normal)
  const weights = numbers(width * columns, normal)
  const { values, scales } = quantizeColumns([width, columns], weights)
  const steps = Float32Array.from({ length: rows }, (_, row) => {
    const most = x.subarray(row * width, (row + 1) * width).reduce((a, b) => Math.max(a, Math.abs(b)), 0)
    return Math.fround(most * Math.fround(1 / 127))
  })
  const wanted = Float32Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns]
    let sum = 0
    for (let k = 0; k < width; k++)
      sum += Math.round(Math.fround(x[row * width + k]! / steps[row]!)) * values[k * columns + column]!
    return Math.fround(Math.fround(sum * scales[column]!) * steps[row]!)
  })

  const { y } = await runInt8(matmul([rows, width], [width, columns], weights), { x })

  assert.deepEqual(bitsOf(y!), bitsOf(wanted))
})

test('sums do not overflow where every entry is as large as it gets', async () => {
  const [width, columns] = [1_000, 64]
  for (const sign of [1, -1]) {
    const program = matmul(
      [2, width],
      [width, columns],
      numbers(width * columns, () => 0.5),
    )

    const { y } = await runInt8(program, { x: numbers(2 * width, () => sign) })

    for (const value of y!) assert.ok(Math.abs(value - sign * 500) < 0.001, `${value}`)
  }
})

test('a row of zeros gives zeros', async () => {
  const x = new Float32Array(300).fill(2, 100, 200)

  const { y } = await runInt8(matmul([3, 100], [100, 100], numbers(10_000, normal)), { x })

  assert.ok([...y!.subarray(0, 100), ...y!.subarray(200)].every((value) => value === 0))
  assert.ok(y!.subarray(100, 200).every((value) => value !== 0))
})

test('what becomes of a row does not depend, by a single bit, on the rows beside it', async () => {
  const weights = numbers(2 * 128 * 96, normal)
  const x = numbers(2 * 6 * 128, normal)
  const { y: all } = await runInt8(matmul([2, 6, 128], [2, 128, 96], weights), { x })
  const changed = x.map((value, i) => (Math.floor(i / 128) % 6 === 4 ? value : value * 100))

  const { y } = await runInt8(matmul([2, 6, 128], [2, 128, 96], weights), { x: changed })

  for (const row of [4, 10]) {
    const own = (values: Float32Array) => bitsOf(values.subarray(row * 96, (row + 1) * 96))
    assert.deepEqual(own(y!), own(all!))
  }
  assert.notDeepEqual(y, all)
})

const externally = record({
  inputs: {
    x: { shape: [4, 100], dtype: 'float32' },
    'first.weight': { shape: [100, 100], dtype: 'float32' },
    'second.weight': { shape: [100, 200], dtype: 'float32' },
    bias: { shape: [100], dtype: 'float32' },
  },
  run: ({ x, bias, ...weights }) => ({
    outputs: {
      a: tf.add(tf.matMul(x!, weights['first.weight']!), bias!),
      b: tf.matMul(x!, weights['second.weight']!),
    },
  }),
})
const given = { 'first.weight': numbers(10_000, normal), 'second.weight': numbers(20_000, normal) }
const place = (offset: number, sizeBytes: number) => ({ location: 'weights.safetensors', offset, sizeBytes })
const external = {
  'first.weight': place(4_096, 40_000),
  'second.weight': place(45_056, 80_000),
  bias: place(126_976, 400),
}

test('the graph holds its quantised weights and no other; what it does not read it does not name', () => {
  const graph = toQuantizedOnnx(externally, quantizeMatmuls(externally, given), external)
  const text = Buffer.from(graph).toString('latin1')

  assert.ok(graph.byteLength > 30_000 && graph.byteLength < 34_000, `${graph.byteLength} bytes`)
  assert.deepEqual(
    ['first.weight', 'second.weight', '45056', '126976'].map((part) => text.includes(part)),
    [false, false, false, true],
  )
})

test('rows that several matmuls read are quantised once', () => {
  const matmuls = quantizeMatmuls(externally, given)
  const text = Buffer.from(toQuantizedOnnx(externally, matmuls, external)).toString('latin1')

  assert.equal(matmuls.size, 2)
  // As a field of a node: its tag, its length, the operator.
  const count = (operator: string) => text.split(`"${String.fromCharCode(operator.length)}${operator}`).length - 1
  assert.deepEqual([count('MatMulIntegerToFloat'), count('QuantizeLinear')], [2, 1])
})

test('the same program gives the same quantised graph, byte for byte', () => {
  const graph = () => toQuantizedOnnx(externally, quantizeMatmuls(externally, given), external)

  assert.deepEqual(graph(), graph())
})

test('a program in which nothing is to be quantised is not opened as if it were', async () => {
  const small = matmul([4, 10], [10, 2], numbers(20, normal))

  await assert.rejects(openQuantized(small, { threads: 1 }), { code: 'ENGINE_NOTHING_QUANTIZED' })
})
