import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { cpu } from '../../../models/engine/cpu.ts'
import { createRandom, shuffle } from '../../../models/engine/random.ts'
import { record } from '../../../models/engine/record.ts'
import type { ArchitectureSpec } from '../../../models/spec/ranker.ts'
import { bitsOf, runStep } from '../engine/run-step.ts'
import { plainLogits } from './plain-forward.ts'
import { type Built, build, float, smallArchitectures, wideArchitectures } from './small-architectures.ts'

const draw = (length: number, seed: number) => {
  const { normal } = createRandom(seed)
  return Float32Array.from({ length }, normal)
}
const byName = ({ layout }: Built, flat: Float32Array) =>
  Object.fromEntries(
    layout.parameters.map(({ name, offset, size }) => [name, [...flat.subarray(offset, offset + size)]]),
  )
const rowsOf = (values: Float32Array, width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, i) => [...values.subarray(i * width, (i + 1) * width)])

async function logitsOf(built: Built, flat: Float32Array, rows: Float32Array, masks?: Record<string, Float32Array>) {
  const count = rows.length / built.inputs
  const { dropoutWidths } = built.architecture
  const { logits } = await runStep(
    {
      inputs: {
        flat: float(built.layout.size),
        rows: float(count, built.inputs),
        ...Object.fromEntries(Object.entries(dropoutWidths).map(([layer, width]) => [layer, float(count, width)])),
      },
      run: ({ flat: weights, rows: x, ...given }) => ({
        outputs: { logits: built.logits(weights!, x!, masks === undefined ? null : given) },
      }),
    },
    {
      flat,
      rows,
      ...Object.fromEntries(
        Object.entries(dropoutWidths).map(([layer, width]) => [layer, new Float32Array(count * width)]),
      ),
      ...masks,
    },
  )
  return logits as Float32Array
}
function assertClose(found: Float32Array, wanted: readonly (readonly number[])[]): void {
  const flat = wanted.flat()
  assert.equal(found.length, flat.length)
  const scale = Math.max(1, ...flat.map(Math.abs))
  flat.forEach((value, i) => {
    assert.ok(Math.abs(found[i]! - value) < 1e-5 * scale, `logit ${i}: ${found[i]}, not ${value}`)
  })
}

for (const spec of smallArchitectures) {
  test(`${spec.kind}: logits are those of a plain forward pass, without and with dropout`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(),
        async (rows, inputs, tasks, seed) => {
          const built = build(spec, inputs, tasks)
          const [flat, x] = [draw(built.layout.size, seed), draw(rows * inputs, seed + 1)]
          const plain = (masks?: Record<string, number[]>) =>
            plainLogits(spec, tasks, byName(built, flat), rowsOf(x, inputs), masks)
          assertClose(await logitsOf(built, flat, x), plain())

          const masks = Object.fromEntries(
            Object.entries(built.architecture.dropoutWidths).map(([layer, width], i) => [
              layer,
              draw(rows * width, seed + 2 + i).map((value) => (value < 0 ? 0 : 2)),
            ]),
          )
          const asLists = Object.fromEntries(Object.entries(masks).map(([layer, mask]) => [layer, [...mask]]))
          assertClose(await logitsOf(built, flat, x, masks), plain(asLists))
        },
      ),
      { numRuns: 12 },
    )
  })
}

test('a mixture of one expert is a shared bottom', async () => {
  const [mixture, bottom] = [
    build({ kind: 'mmoe', experts: 1, hidden: 6, tower: 4 }, 7, 3),
    build({ kind: 'shared-bottom', hidden: 6, tower: 4 }, 7, 3),
  ]
  const [flat, rows] = [draw(mixture.layout.size, 1), draw(5 * 7, 2)]
  const weights = byName(mixture, flat)
  const same = Float32Array.from(bottom.layout.parameters.flatMap(({ name }) => weights[name]!))

  assertClose(await logitsOf(bottom, same, rows), rowsOf(await logitsOf(mixture, flat, rows), 3))
})

/** The logits' bits of each row, for batches of one size. */
async function scorer(spec: ArchitectureSpec, count: number, inputs: number, tasks: number, threads: number) {
  const built = build(spec, inputs, tasks)
  const program = record({
    inputs: { flat: float(built.layout.size), rows: float(count, inputs) },
    run: ({ flat, rows }) => ({ outputs: { logits: built.logits(flat!, rows!) } }),
  })
  const session = await cpu.open(program, { threads })
  const flat = draw(built.layout.size, 11)
  return {
    async bits(rows: readonly Float32Array[]): Promise<number[][]> {
      const feed = new Float32Array(count * inputs)
      rows.forEach((row, i) => void feed.set(row, i * inputs))
      const { logits } = await session.run({ flat, rows: feed })
      const bits = bitsOf(logits!)
      return rows.map((_, i) => bits.slice(i * tasks, (i + 1) * tasks))
    },
    close: () => session.close(),
  }
}

for (const spec of [...smallArchitectures, ...wideArchitectures]) {
  test(`${spec.kind} of ${spec.hidden}: a row's logits do not depend on the other rows or on padding`, async () => {
    for (const [count, inputs, threads] of [
      [7, 10, 1],
      [16, 33, 1],
      [64, 100, 2],
    ] as const) {
      const { bits, close } = await scorer(spec, count, inputs, 3, threads)
      const rows = Array.from({ length: count }, (_, i) => draw(inputs, i))
      const whole = await bits(rows)

      const half = Math.ceil(count / 2)
      assert.deepEqual(await bits(rows.slice(0, half)), whole.slice(0, half))
      assert.deepEqual(await bits([rows[0]!]), [whole[0]])
      const strange = rows.map((row, i) => (i % 2 === 0 ? row : row.map((value) => 1e6 * value)))
      const beside = await bits(strange)
      for (let i = 0; i < count; i += 2) assert.deepEqual(beside[i], whole[i])
      await close()
    }
  })

  // Of other sizes the last few rows go through other instructions, and may differ in the last bit.
  test(`${spec.kind} of ${spec.hidden}: in batches of a multiple of 16 a row's place changes no bit`, async () => {
    for (const [count, inputs, threads] of [
      [16, 33, 1],
      [64, 100, 2],
    ] as const) {
      const { bits, close } = await scorer(spec, count, inputs, 3, threads)
      const rows = Array.from({ length: count }, (_, i) => draw(inputs, i))
      const whole = await bits(rows)

      const order = Int32Array.from(rows.keys())
      shuffle(order, createRandom(3))
      assert.deepEqual(
        await bits([...order].map((from) => rows[from]!)),
        [...order].map((from) => whole[from]!),
      )
      assert.deepEqual(await bits(rows.slice(count / 2)), whole.slice(count / 2))
      await close()
    }
  })
}

test('recorded logits of all kinds have one row a place and one column a task', () => {
  for (const spec of smallArchitectures) {
    const built = build(spec, 4, 3)
    const program = record({
      inputs: { flat: float(built.layout.size), rows: float(5, 4) },
      run: ({ flat, rows }) => ({ outputs: { logits: tf.clone(built.logits(flat!, rows!)) } }),
    })

    assert.deepEqual(program.values[program.outputs[0]!.value], { shape: [5, 3], dtype: 'float32' }, spec.kind)
  }
})
