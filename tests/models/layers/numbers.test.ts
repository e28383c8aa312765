import assert from 'node:assert/strict'
import { test } from 'node:test'
import type * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { codeWidth, numberColumns, realCodes } from '../../../models/layers/numbers.ts'
import type { NumberStatistics, Statistics } from '../../../models/spec/statistics.ts'
import { runStep } from '../engine/run-step.ts'

const price: NumberStatistics = { mean: 3, deviation: 2, edges: [0, 1, 4], codeMeans: [0.75, 0.5] }
const flat: NumberStatistics = { mean: 7, deviation: 1, edges: [7], codeMeans: [] }
const statistics: Statistics = { numbers: { price, flat }, rates: {} }

/** What a network sees of some places' numbers; null is a missing one. */
async function columnsOf(
  names: readonly string[],
  places: readonly (readonly (number | null)[])[],
  given = statistics,
) {
  const shape = [places.length, names.length]
  const outputs = await runStep(
    {
      inputs: { values: { shape, dtype: 'float32' }, present: { shape, dtype: 'float32' } },
      run: ({ values, present }) => ({
        outputs: { ...numberColumns(names, values as tf.Tensor2D, present as tf.Tensor2D, given) },
      }),
    },
    {
      values: Float32Array.from(places.flat(), (value) => value ?? 0),
      present: Float32Array.from(places.flat(), (value) => Number(value !== null)),
    },
  )
  const rowsOf = (name: string, width: number) =>
    places.map((_, place) => [...outputs[name]!.subarray(place * width, (place + 1) * width)])
  return {
    standardised: rowsOf('standardised', names.length),
    codes: rowsOf('codes', codeWidth(names)),
    missing: rowsOf('missing', names.length),
  }
}
const assertClose = (found: readonly number[], wanted: readonly number[]) => {
  assert.equal(found.length, wanted.length)
  found.forEach((value, i) => {
    assert.ok(Math.abs(value - wanted[i]!) < 1e-5, `${found}, not ${wanted}`)
  })
}
const padded = (...codes: number[]) => [...codes, ...new Array<number>(16 - codes.length).fill(0)]

test('a number becomes its z-score, within 5 of zero', async () => {
  const { standardised } = await columnsOf(['price'], [[3], [5], [-1], [12.9], [1e9], [-1e9]])

  assertClose(standardised.flat(), [0, 1, -2, 4.95, 5, -5])
})

test('a number becomes how far it is through each bin, less the mean of that', async () => {
  const { codes } = await columnsOf(['price'], [[0], [0.25], [1], [2.5], [4], [-3], [100]])

  const wanted = [
    [0, 0],
    [0.25, 0],
    [1, 0],
    [1, 0.5],
    [1, 1],
    [0, 0],
    [1, 1],
  ]
  wanted.forEach(([first, second], place) => {
    assertClose(codes[place]!, padded(first! - 0.75, second! - 0.5))
  })
})

test('a missing number is 0 everywhere, and marked', async () => {
  const seen = await columnsOf(
    ['price', 'flat'],
    [
      [null, 7.5],
      [2, null],
    ],
  )

  assertClose(seen.missing.flat(), [1, 0, 0, 1])
  assertClose(seen.standardised.flat(), [0, 0.5, -0.5, 0])
  assertClose(seen.codes[0]!, padded(...padded()).concat(padded()))
  assertClose(seen.codes[1]!, [...padded(1 - 0.75, 1 / 3 - 0.5), ...padded()])
})

test('a number that never varied has no codes, one without statistics is taken as it is', async () => {
  const seen = await columnsOf(['flat', 'unheard'], [[9, 2.5]])

  assertClose(seen.standardised.flat(), [2, 2.5])
  assertClose(seen.codes[0]!, new Array<number>(32).fill(0))
  assert.equal(realCodes(['flat', 'unheard', 'price'], statistics), 2)
})

test('no numbers make no columns', async () => {
  const seen = await columnsOf([], [[], []])

  assert.deepEqual(seen, { standardised: [[], []], codes: [[], []], missing: [[], []] })
})

test('numbers with 16 bins fill all their codes', async () => {
  const edges = Array.from({ length: 17 }, (_, i) => i)
  const wide: NumberStatistics = { mean: 8, deviation: 4, edges, codeMeans: edges.slice(1).map(() => 0.5) }
  const { codes } = await columnsOf(['wide'], [[10.25]], { numbers: { wide }, rates: {} })

  assertClose(
    codes[0]!,
    Array.from({ length: 16 }, (_, bin) => (bin < 10 ? 0.5 : bin === 10 ? -0.25 : -0.5)),
  )
})

test('columns follow their formulas for any numbers and statistics', async () => {
  const number = fc.integer({ min: -40, max: 40 }).map((value) => value / 8)
  const stats = fc
    .uniqueArray(number, { minLength: 1, maxLength: 17 })
    .map((edges) => edges.sort((a, b) => a - b))
    .chain((edges) =>
      fc.record({
        mean: number,
        deviation: fc.constantFrom(0.5, 1, 3),
        edges: fc.constant(edges),
        codeMeans: fc.array(fc.constantFrom(0, 0.25, 0.9), {
          minLength: edges.length - 1,
          maxLength: edges.length - 1,
        }),
      }),
    )
  await fc.assert(
    fc.asyncProperty(
      stats,
      stats,
      fc.array(fc.tuple(fc.option(number), fc.option(number)), { minLength: 1, maxLength: 5 }),
      async (a, b, places) => {
        const seen = await columnsOf(['a', 'b'], places, { numbers: { a, b }, rates: {} })

        places.forEach((values, place) => {
          const wanted = [a, b].map(({ mean, deviation, edges, codeMeans }, i) => {
            const x = values[i]!
            if (x === null) return { score: 0, codes: padded(), missing: 1 }
            const shares = codeMeans.map((m, bin) => {
              const [low, high] = [edges[bin]!, edges[bin + 1]!]
              return Math.min(Math.max((x - low) / (high - low), 0), 1) - m
            })
            return { score: Math.min(Math.max((x - mean) / deviation, -5), 5), codes: padded(...shares), missing: 0 }
          })
          assertClose(
            seen.standardised[place]!,
            wanted.map(({ score }) => score),
          )
          assertClose(
            seen.codes[place]!,
            wanted.flatMap(({ codes }) => codes),
          )
          assertClose(
            seen.missing[place]!,
            wanted.map(({ missing }) => missing),
          )
        })
      },
    ),
    { numRuns: 60 },
  )
})
