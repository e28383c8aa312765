import type * as tf from '@tensorflow/tfjs-core'
import type { Network } from '../../models/architectures/network.ts'
import type { Device } from '../../models/engine/device.ts'
import type { TensorSpec } from '../../models/engine/program.ts'
import { record } from '../../models/engine/record.ts'
import { sideTensors } from '../../models/objectives/training-step.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { EncodedExamples } from './encoded-examples.ts'
import type { TrainedWeights } from './fit.ts'

const batchSize = 1024
const float = (...shape: readonly number[]): TensorSpec => ({ shape, dtype: 'float32' })

export interface ExampleScorer {
  /** Logits (values for `value` tasks) [rows, tasks] of the examples at `rows`. */
  score(weights: TrainedWeights, rows: Int32Array): Promise<Float32Array>
  close(): Promise<void>
}

/** Scores encoded examples with weights as training left them. */
export async function createExampleScorer(
  definition: RankerDefinition,
  network: Network,
  examples: EncodedExamples,
  { device, threads }: { readonly device: Device; readonly threads: number },
): Promise<ExampleScorer> {
  const tasks = definition.tasks.length
  const widths = { deep: definition.trunk.dimension, wide: tasks }
  const sides = (['request', 'candidate'] as const).map((name) => {
    const { slots, numbers } = network.layout[name]
    return { name, slots, numbers: numbers.length }
  })
  const program = record({
    inputs: {
      dense: float(network.parameters.size),
      ...Object.assign(
        {},
        ...sides.map(({ name, slots, numbers }) => ({
          [`${name}.deep`]: float(batchSize, slots, widths.deep),
          [`${name}.wide`]: float(batchSize, slots, widths.wide),
          [`${name}.weights`]: float(batchSize, slots),
          [`${name}.numbers`]: float(batchSize, numbers),
          [`${name}.present`]: float(batchSize, numbers),
        })),
      ),
    },
    run: (inputs) => {
      const weights = network.parameters.slices(inputs.dense as tf.Tensor1D)
      return {
        outputs: {
          logits: network.logits(weights, sideTensors('request', inputs), sideTensors('candidate', inputs), null),
        },
      }
    },
  })
  const session = await device.open(program, { threads })
  const feedsOf = (weights: TrainedWeights, rows: Int32Array) => {
    const feeds: Record<string, Float32Array> = { dense: weights.dense }
    for (const { name, slots, numbers } of sides) {
      for (const part of ['deep', 'wide'] as const) {
        const [table, width] = [weights[part], widths[part]]
        const looked = new Float32Array(batchSize * slots * width)
        rows.forEach((row, i) => {
          for (let slot = 0; slot < slots; slot++) {
            const from = examples[name].rows[row * slots + slot]! * width
            looked.set(table.subarray(from, from + width), (i * slots + slot) * width)
          }
        })
        feeds[`${name}.${part}`] = looked
      }
      for (const [part, width] of [
        ['weights', slots],
        ['numbers', numbers],
        ['present', numbers],
      ] as const) {
        const copied = new Float32Array(batchSize * width)
        rows.forEach(
          (row, i) => void copied.set(examples[name][part].subarray(row * width, (row + 1) * width), i * width),
        )
        feeds[`${name}.${part}`] = copied
      }
    }
    return feeds
  }
  return {
    async score(weights, rows) {
      const logits = new Float32Array(rows.length * tasks)
      for (let from = 0; from < rows.length; from += batchSize) {
        const part = rows.subarray(from, from + batchSize)
        const outputs = await session.run(feedsOf(weights, part))
        logits.set((outputs.logits as Float32Array).subarray(0, part.length * tasks), from * tasks)
      }
      return logits
    },
    close: () => session.close(),
  }
}
