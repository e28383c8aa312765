import * as tf from '@tensorflow/tfjs-core'
import { createOptimizer } from '../../../models/engine/optimizers.ts'
import { record, type Step } from '../../../models/engine/record.ts'
import { createDraws, type Draws } from './draws.ts'
import {
  drawTransformer,
  type TransformerSizes,
  transformerLayout,
  transformerLogits,
  transformerSizes,
} from './transformer-model.ts'
import { firstLosses, timeSteps, type Workload, type WorkloadOptions, warmUp } from './workload.ts'

const rate = 1e-3

/** Forward, cross-entropy, backward and Adam. The gradient of the rows goes out, as where they come from embeddings. */
export function transformerStep(sizes: TransformerSizes, batch: number): Step {
  const layout = transformerLayout(sizes)
  const { tokens, width, tasks } = sizes
  const optimizer = createOptimizer(layout.size, { optimizer: { kind: 'adam' } })
  return {
    inputs: {
      rows: { shape: [batch, tokens, width], dtype: 'float32' },
      labels: { shape: [batch, tasks], dtype: 'float32' },
    },
    state: { weights: { shape: [layout.size], dtype: 'float32' }, ...optimizer.state },
    run({ rows, labels }, state) {
      const parameters = layout.slices(state.weights as tf.Tensor1D)
      const names = Object.keys(parameters)
      const lossAt = (...tensors: tf.Tensor[]) => {
        const weights = Object.fromEntries(names.map((name, i) => [name, tensors[i]!]))
        const logits = transformerLogits(sizes, weights, tensors.at(-1) as tf.Tensor3D)
        return tf.mean(tf.sub(tf.softplus(logits), tf.mul(logits, labels!))) as tf.Scalar
      }
      const { value, grads } = tf.valueAndGrads(lossAt)([...Object.values(parameters), rows!])
      const flat = grads.slice(0, -1).map((each) => tf.reshape(each, [-1]) as tf.Tensor1D)
      const next = optimizer.update(state.weights!, tf.concat1d(flat), rate, state)
      return { outputs: { loss: value, gradient: grads.at(-1)! }, state: { ...next.state, weights: next.weights } }
    },
  }
}

/** Rows, and for each task whether the sum over tokens of the feature of its number is above 0. */
export function drawRows(draws: Draws, { tokens, width, tasks }: TransformerSizes, batch: number) {
  const rows = draws.centred(batch * tokens * width)
  const labels = Float32Array.from({ length: batch * tasks }, (_, i) => {
    const first = Math.floor(i / tasks) * tokens * width + (i % tasks)
    let sum = 0
    for (let token = 0; token < tokens; token++) sum += rows[first + token * width]!
    return sum > 0 ? 1 : 0
  })
  return { rows, labels }
}

export async function transformerTraining(options: WorkloadOptions): Promise<Workload> {
  const { device, precision, threads, seconds, rows } = options
  const draws = createDraws()
  const weights = drawTransformer(draws, transformerSizes)
  const batch = drawRows(draws, transformerSizes, rows)
  const program = record(transformerStep(transformerSizes, rows))
  const session = await device.open(program, { threads, precision, state: { weights } })
  const step = async () => (await session.run(batch)).loss![0]!
  const check = await firstLosses(step)
  await warmUp(step)
  return { check, measure: () => timeSteps(step, seconds) }
}
