import * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../../../models/engine/kernels/kernel.ts'
import { optimize } from '../../../models/engine/optimize.ts'
import type { Program } from '../../../models/engine/program.ts'
import { record } from '../../../models/engine/record.ts'
import type { Detail } from '../comparison.ts'
import { createDraws } from './draws.ts'
import { trainingStep } from './experts-training.ts'
import { distinct, matmulProgram, matmulsOf } from './matmuls.ts'
import { timeSteps, type Workload, type WorkloadOptions, warmUp } from './workload.ts'

/** Numbers that one pass over memory reads and writes. */
export const passLength = 2 ** 24

/** Kept numbers, each one more than before. */
const memoryPass = (): Program =>
  record({
    inputs: {},
    state: { numbers: { shape: [passLength], dtype: 'float32' } },
    run: (_, { numbers }) => ({ outputs: {}, state: { numbers: tf.add(numbers!, 1) } }),
  })

/** The experts' training step as its multiplications are taken from it. */
export const measuredStep = (rows: number): Program => optimize(record(trainingStep(rows)))

/**
 * What a device can give: the multiplications of the experts' training step together, each alone, and a pass over
 * memory.
 */
export async function deviceLimits({ device, threads, seconds, rows }: WorkloadOptions): Promise<Workload> {
  const matmuls = matmulsOf(measuredStep(rows))
  const placing = device.name === 'cpu' ? 'given' : 'kept'
  const { centred } = createDraws()
  const open = async (only: Program) => {
    const drawn = (named: readonly { readonly name: string; readonly value: number }[]) =>
      Object.fromEntries(named.map(({ name, value }) => [name, centred(sizeOf(only.values[value]!.shape))]))
    const state = drawn(only.state.map(({ name, from }) => ({ name, value: from })))
    const session = await device.open(only, { threads, state })
    const feeds = drawn(only.inputs)
    return () => session.run(feeds)
  }
  const all = await open(matmulProgram(matmuls, placing))
  const gflop = matmuls.reduce((sum, each) => sum + each.gflop, 0)
  const others: { readonly detail: Omit<Detail, 'ms'>; readonly step: () => unknown }[] = []
  for (const matmul of distinct(matmuls)) {
    const step = await open(matmulProgram([matmul], placing))
    others.push({ detail: { name: matmul.name, amount: matmul.gflop, unit: 'GFLOP' }, step })
  }
  others.push({ detail: passDetail, step: await open(memoryPass()) })
  await warmUp(all)
  for (const { step } of others) await warmUp(step, 3)
  return {
    check: [],
    async measure() {
      const measured = await timeSteps(all, seconds)
      const details: Detail[] = [{ name: allMatmuls, amount: gflop, unit: 'GFLOP', ms: measured.ms }]
      for (const { detail, step } of others) details.push({ ...detail, ms: (await timeSteps(step, seconds / 4)).ms })
      return { ...measured, details }
    },
  }
}

const allMatmuls = 'all of its multiplications'
/** Each number is read and written, of four bytes. */
const passDetail = { name: 'a pass over 16 M kept numbers', amount: (passLength * 8) / 1e9, unit: 'GB' } as const
