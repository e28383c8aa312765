import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileVectorLoop, type VectorLoop, vectorOperators } from '../../../models/engine/vector-loop.ts'
import { bitsOf } from './run-step.ts'

/** The operators as the kernels define them, each result rounded to float32. */
const meaning: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Multiply: (a, b) => a * b,
  RealDiv: (a, b) => a / b,
  Sqrt: (a) => Math.sqrt(a),
  Square: (a) => a * a,
}
const operandsOf = (operator: string) => (operator === 'Sqrt' || operator === 'Square' ? 1 : 2)

/** Three vectors and two numbers (values 0 to 4), then a node for each drawn, which reads any value before it. */
const loops = fc
  .record({
    size: fc.integer({ min: 1, max: 70 }),
    drawn: fc.array(
      fc.record({ operator: fc.constantFrom(...Object.keys(vectorOperators)), picks: fc.tuple(fc.nat(), fc.nat()) }),
      { minLength: 1, maxLength: 40 },
    ),
    stored: fc.tuple(fc.nat(), fc.nat()),
  })
  .map(({ size, drawn, stored }): VectorLoop => {
    const nodes = drawn.map(({ operator, picks }, i) => ({
      operator,
      inputs: picks.slice(0, operandsOf(operator)).map((pick) => pick % (5 + i)),
      output: 5 + i,
    }))
    const stores = stored.map((pick, vector) => ({ vector, value: 5 + (pick % nodes.length) }))
    return { size, vectors: [0, 1, 2], numbers: [3, 4], nodes, stores }
  })

/** Element by element: what is stored. */
function expected({ size, nodes, stores }: VectorLoop, values: readonly Float32Array[]): Float32Array[] {
  const after = stores.map(() => new Float32Array(size))
  for (let i = 0; i < size; i++) {
    const at = values.map((each) => (each.length === 1 && size !== 1 ? each[0]! : each[Math.min(i, each.length - 1)]!))
    for (const { operator, inputs } of nodes) {
      const [a, b] = inputs.map((value) => at[value]!)
      at.push(Math.fround(meaning[operator]!(a!, b ?? 0)))
    }
    stores.forEach(({ value }, k) => {
      after[k]![i] = at[value]!
    })
  }
  return after
}

test('a loop computes what its operators mean, to the bit, for vectors of any length, run after run', () => {
  fc.assert(
    fc.property(loops, fc.array(fc.float({ noNaN: true }), { minLength: 8, maxLength: 300 }), (loop, numbers) => {
      const { run, memoryOf } = compileVectorLoop(loop)
      const values: Float32Array[] = [...loop.vectors, ...loop.numbers].map((value) => {
        const length = loop.numbers.includes(value) ? 1 : loop.size
        return Float32Array.from({ length }, (_, i) => numbers[(value * 31 + i) % numbers.length]!)
      })
      for (const [value, data] of values.entries()) memoryOf(value).set(data)
      for (let time = 0; time < 2; time++) {
        const wanted = expected(loop, values)
        run()
        loop.stores.forEach(({ vector }, i) => {
          // Not which of the many it is: processors differ in what they make of none.
          assert.deepEqual(bitsOf(withOneNaN(memoryOf(vector))), bitsOf(withOneNaN(wanted[i]!)))
          values[vector] = wanted[i]!
        })
      }
    }),
  )
})

const withOneNaN = (values: Float32Array) => values.map((value) => (Number.isNaN(value) ? Number.NaN : value))
