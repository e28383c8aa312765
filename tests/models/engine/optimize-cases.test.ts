import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import * as ort from 'onnxruntime-node'
import { toOnnx } from '../../../models/engine/onnx/lower.ts'
import { optimize } from '../../../models/engine/optimize.ts'
import type { Program } from '../../../models/engine/program.ts'
import { createRandom, type Random } from '../../../models/engine/random.ts'
import { record } from '../../../models/engine/record.ts'
import type { KernelCase } from './kernel-cases/case.ts'
import { results } from './kernel-cases/run.ts'
import { kernelCases } from './kernel-cases.ts'
import { bitsOf, randomFeeds } from './run-step.ts'

/** Cases whose results go into one another, by kernel. */
const casesOf = new Map<string, KernelCase[]>()
for (const each of kernelCases) {
  const isLinked = each.inputs.every(({ dtype, draw, values }) => !dtype && !values && draw !== 'positive')
  if (isLinked) casesOf.set(each.kernel, [...(casesOf.get(each.kernel) ?? []), each])
}
/** One or both of what is combined was repeated before, along the same axis or another. */
casesOf.set('repeated', [
  {
    kernel: 'Tile',
    inputs: [{ shape: [2, 3] }, { shape: [2, 3] }],
    run: (a, b) => {
      const [row, column] = [tf.sum(a!, 0, true), tf.sum(b!, 1, true)]
      const [wideRow, wideColumn] = [tf.tile(row, [2, 1]), tf.tile(column, [1, 3])]
      return [tf.add(wideRow, wideColumn), tf.mul(wideRow, tf.tile(row, [2, 1])), tf.sub(wideColumn, b!)]
    },
    gradients: [0, 1],
  },
])

const pick = <T>({ uniform }: Random, list: readonly T[]): T => list[Math.floor(uniform() * list.length)]!

/** A few cases, each several times, of inputs or of what the ones before gave; some of what they give is read. */
function randomProgram(random: Random): Program {
  const few = [...Array.from({ length: 3 }, () => pick(random, [...casesOf.keys()])), 'repeated'].flatMap((kernel) =>
    Array.from({ length: 3 }, () => pick(random, casesOf.get(kernel)!)),
  )
  const shapes = new Map(few.flatMap(({ inputs }) => inputs.map(({ shape }) => [shape.join(), shape])))
  const names = [...shapes.keys()].flatMap((key) => [`a.${key}`, `b.${key}`])
  return record({
    inputs: Object.fromEntries(
      names.map((name) => [name, { shape: shapes.get(name.slice(2))!, dtype: 'float32' as const }]),
    ),
    run: (given) => {
      const known = Object.values(given)
      const ofShape = (key: string) => known.filter(({ shape, dtype }) => dtype === 'float32' && shape.join() === key)
      const apply = (each: KernelCase): tf.Tensor[] =>
        Object.values(
          results(
            each,
            each.inputs.map(({ shape }) => pick(random, ofShape(shape.join()))),
          ),
        )
      for (let i = 0; i < 12; i++) known.push(...apply(pick(random, few)))
      return { outputs: Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`out${i}`, pick(random, known)])) }
    },
  })
}

/** Bits of the outputs as the lowered program gives them, without what the runtime itself makes of it. */
async function bitsOfRun(program: Program, feeds: ReturnType<typeof randomFeeds>): Promise<Record<string, number[]>> {
  const native = await ort.InferenceSession.create(toOnnx(program), {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  })
  const specs = new Map(program.inputs.map(({ name, value }) => [name, program.values[value]!]))
  const fed = native.inputNames.map((name) => {
    const { dtype, shape } = specs.get(name)!
    return [name, new ort.Tensor(dtype, feeds[name] as Float32Array, shape)] as const
  })
  const outputs = await native.run(Object.fromEntries(fed))
  await native.release()
  return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, bitsOf(data as Float32Array)]))
}

test('programs of random cases give the same bits as before they were optimized', async () => {
  let [before, after] = [0, 0]
  for (let seed = 1; seed <= 25; seed++) {
    const program = randomProgram(createRandom(seed))
    const optimized = optimize(program)
    const feeds = randomFeeds(program, createRandom(seed))

    const [found, wanted] = [await bitsOfRun(optimized, feeds), await bitsOfRun(program, feeds)]

    assert.deepEqual(found, wanted, `seed ${seed}`)
    before += program.nodes.length
    after += optimized.nodes.length
  }
  assert.ok(after < before / 2, `${after} of ${before} nodes are left`)
})
