import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import * as ort from 'onnxruntime-node'
import { cpu } from '../../../../models/engine/cpu.ts'
import { toGraph } from '../../../../models/engine/onnx/lower.ts'
import { encodeModel } from '../../../../models/engine/onnx/schema.ts'
import { sessionOptions, toTensor } from '../../../../models/engine/onnx/session.ts'
import type { DType, Program, TypedArray } from '../../../../models/engine/program.ts'
import { record } from '../../../../models/engine/record.ts'
import { webgpuLowerings } from '../../../../models/engine/webgpu/lowerings.ts'
import { drawInputs } from '../kernel-cases/case.ts'
import { feedsOf } from '../kernel-cases/run.ts'
import { casesByKernel } from '../kernel-cases.ts'
import { programOf, testLowering } from '../kernel-contract.ts'

const lower = (program: Program) => toGraph(program, {}, webgpuLowerings)

testLowering('WebGPU', lower)

type Named = Readonly<Record<string, TypedArray>>

/** What the graph for WebGPU gives on the processor, which has all its operators: no adapter is needed. */
async function runOnProcessor(program: Program, feeds: Named): Promise<Named> {
  const native = await ort.InferenceSession.create(encodeModel(lower(program)), sessionOptions(1))
  const filled = program.inputs.filter(({ name }) => feeds[name]!.length > 0)
  const tensors = filled.map(({ name, value }) => [name, toTensor(program.values[value]!, feeds[name]!)])
  const results = await native.run(Object.fromEntries(tensors))
  await native.release()
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as TypedArray]))
}

/** An operation on one tensor. */
const onOne = (run: (x: tf.Tensor) => tf.Tensor, shape: readonly number[], dtype: DType = 'float32') =>
  record({ inputs: { x: { shape, dtype } }, run: ({ x }) => ({ outputs: { y: run(x!) } }) })

const close = (found: number, expected: number) =>
  Object.is(found, expected) || Math.abs(found - expected) <= 1e-6 + 2e-6 * Math.abs(expected)

test('every kernel in operators that WebGPU has gives what it gives in the usual ones', async () => {
  for (const [kernel, cases] of casesByKernel) {
    const feeds = feedsOf(cases.map((each, index) => ({ data: drawInputs(each, index + 1) })))
    const session = await cpu.open(programOf(kernel), { threads: 1 })

    const usual = await session.run(feeds)
    const found = await runOnProcessor(programOf(kernel), feeds)

    for (const [name, values] of Object.entries(usual)) {
      const out = values.findIndex((value, i) => !close(found[name]![i]!, value))
      assert.equal(out, -1, `${kernel} ${name}: ${found[name]![out]} at ${out}, not ${values[out]}`)
      assert.equal(found[name]!.length, values.length)
    }
    await session.close()
  }
})

test('sines and cosines are right to 2e-6 over a thousand turns', async () => {
  const [sine, cosine] = [onOne(tf.sin, [64]), onOne(tf.cos, [64])]
  const angle = fc.oneof(fc.float({ min: -6283, max: 6283, noNaN: true }), fc.constantFrom(0, Math.PI / 2, -Math.PI))
  await fc.assert(
    fc.asyncProperty(fc.array(angle, { minLength: 64, maxLength: 64 }), async (angles) => {
      const x = Float32Array.from(angles)
      const [sines, cosines] = [(await runOnProcessor(sine, { x })).y!, (await runOnProcessor(cosine, { x })).y!]

      // A cosine adds a quarter turn first, which rounds.
      const rounding = (angle: number) => Math.abs(angle) * 2 ** -23
      x.forEach((angle, i) => {
        assert.ok(Math.abs(sines[i]! - Math.sin(angle)) < 2e-6, `sin(${angle}) is not ${sines[i]}`)
        assert.ok(
          Math.abs(cosines[i]! - Math.cos(angle)) < 2e-6 + rounding(angle),
          `cos(${angle}) is not ${cosines[i]}`,
        )
      })
    }),
    { numRuns: 30 },
  )
})

test('functions that are series about 0 are right to 1e-6 of themselves, on both sides of where the series ends', async () => {
  // Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.5, in as many terms as it takes.
  const erf = (z: number) => {
    let [sum, term] = [z, z]
    for (let n = 1; n < 40; n++) {
      term *= -(z * z) / n
      sum += term / (2 * n + 1)
    }
    return (2 / Math.sqrt(Math.PI)) * sum
  }
  const x = Float32Array.of(
    1e-30,
    1e-6,
    -1e-3,
    0.09999,
    0.1,
    -0.1001,
    0.19999,
    0.2,
    -0.20001,
    0.39999,
    0.4,
    -0.40001,
    1,
  )
  for (const [name, run, exact] of [
    ['erf', tf.erf, erf],
    ['expm1', tf.expm1, Math.expm1],
    ['log1p', tf.log1p, Math.log1p],
  ] as const) {
    const { y } = await runOnProcessor(onOne(run, [13]), { x })

    x.forEach((z, i) => void assert.ok(Math.abs(y![i]! / exact(z) - 1) < 1e-6, `${name}(${z}) is not ${y![i]}`))
  }
})

test('halves round to the even neighbour, and nothing else is moved further than a half', async () => {
  const x = Float32Array.of(0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, -0.49999997, 2.4999998, 8388607.5, 1e20)

  const { y } = await runOnProcessor(onOne(tf.round, [11]), { x })

  assert.deepEqual(
    [...y!].map((each) => each + 0),
    [0, 2, 2, 0, -2, -2, 0, 0, 2, 8388608, Math.fround(1e20)],
  )
})

test('a logarithm is minus infinity at 0, and not a number below', async () => {
  const { y } = await runOnProcessor(onOne(tf.log, [5]), { x: Float32Array.of(0, -2.5, 1, Infinity, Number.NaN) })

  assert.deepEqual([...y!], [-Infinity, Number.NaN, 0, Infinity, Number.NaN])
})

test('whole numbers beyond the precision of float32, and truth values, are moved as they are', async () => {
  const moved = (x: tf.Tensor) => tf.concat([tf.slice(x, [1], [3]), ...tf.split(x, [3, 1])])
  const backwards = (x: tf.Tensor) => tf.stridedSlice(x, [3], [0], [-2])
  const whole = Int32Array.of(2 ** 31 - 1, 2 ** 24 + 1, -(2 ** 31), -(2 ** 24) - 1)
  const truths = Uint8Array.of(1, 0, 0, 1)
  const run = async (operation: typeof moved, x: TypedArray, dtype: DType) =>
    (await runOnProcessor(onOne(operation, [4], dtype), { x })).y

  assert.deepEqual(await run(moved, whole, 'int32'), Int32Array.of(...whole.subarray(1), ...whole))
  assert.deepEqual(await run(moved, truths, 'bool'), Uint8Array.of(...truths.subarray(1), ...truths))
  assert.deepEqual(await run(backwards, whole, 'int32'), Int32Array.of(whole[3]!, whole[1]!))
  assert.deepEqual(await run(backwards, truths, 'bool'), Uint8Array.of(1, 0))
})
