import * as tf from '@tensorflow/tfjs-core'
import { type Network, type SideTensors, wideGroup } from '../architectures/network.ts'
import { averageWeights, createOptimizer } from '../engine/optimizers.ts'
import type { TensorSpec } from '../engine/program.ts'
import type { Step, Tensors } from '../engine/record.ts'
import type { SideLayout } from '../spec/batch.ts'
import type { RankerDefinition } from '../spec/ranker.ts'
import { taskLosses, totalLoss } from './loss.ts'

const float = (...shape: readonly number[]): TensorSpec => ({ shape, dtype: 'float32' })

/** Feeds of one side: `<side>.deep`, `.wide`, `.weights`, `.numbers`, `.present`. */
function sideInputs(name: string, { slots, numbers }: SideLayout, places: number, dimension: number, tasks: number) {
  return {
    [`${name}.deep`]: float(places, slots, dimension),
    [`${name}.wide`]: float(places, slots, tasks),
    [`${name}.weights`]: float(places, slots),
    [`${name}.numbers`]: float(places, numbers.length),
    [`${name}.present`]: float(places, numbers.length),
  }
}
export function sideTensors(name: string, inputs: Tensors): SideTensors {
  const part = (suffix: string) => inputs[`${name}.${suffix}`]!
  return {
    deep: part('deep') as tf.Tensor3D,
    wide: part('wide') as tf.Tensor3D,
    weights: part('weights') as tf.Tensor2D,
    numbers: part('numbers') as tf.Tensor2D,
    present: part('present') as tf.Tensor2D,
  }
}

/**
 * One step of training over `batchSize` examples, each a request with one candidate. Table rows come in looked up, and
 * their gradients go out as `gradient.<side>.deep|wide`; `losses` is [tasks]. State: the flat dense `weights`, their
 * `average`, and the optimizer's.
 */
export function trainingStep(definition: RankerDefinition, network: Network, trainingRows: number): Step {
  const { tasks, training, trunk } = definition
  const { layout, parameters, dropoutWidths } = network
  const { batchSize } = training
  const optimizer = createOptimizer(parameters.size, training)
  const vector = float(parameters.size)
  const looked = ['request.deep', 'request.wide', 'candidate.deep', 'candidate.wide']
  const wide = parameters.groups[wideGroup]
  const isWide = (offset: number) => wide !== undefined && offset >= wide.offset && offset < wide.offset + wide.size
  const rates = () => {
    const values = new Float32Array(parameters.size).fill(training.rate)
    if (wide !== undefined) values.fill(training.wideRate, wide.offset, wide.offset + wide.size)
    return tf.tensor1d(values)
  }
  return {
    inputs: {
      ...sideInputs('request', layout.request, batchSize, trunk.dimension, tasks.length),
      ...sideInputs('candidate', layout.candidate, batchSize, trunk.dimension, tasks.length),
      ...Object.fromEntries(
        Object.entries(dropoutWidths).map(([layer, width]) => [`mask.${layer}`, float(batchSize, width)]),
      ),
      labels: float(batchSize, tasks.length),
      known: float(batchSize, tasks.length),
    },
    state: { weights: vector, average: vector, ...optimizer.state },
    run(inputs, state) {
      const masks = Object.fromEntries(Object.keys(dropoutWidths).map((layer) => [layer, inputs[`mask.${layer}`]!]))
      const dense = parameters.slices(state.weights as tf.Tensor1D)
      const names = Object.keys(dense)
      let losses: tf.Tensor1D | undefined
      const lossOf = (...tensors: tf.Tensor[]) => {
        const weights = Object.fromEntries(names.map((name, i) => [name, tensors[i]!]))
        const rows = Object.fromEntries(looked.map((name, i) => [name, tensors[names.length + i]!]))
        const all = { ...inputs, ...rows }
        const logits = network.logits(weights, sideTensors('request', all), sideTensors('candidate', all), masks)
        losses = tf.keep(taskLosses(tasks, logits, inputs.labels as tf.Tensor2D, inputs.known as tf.Tensor2D))
        return totalLoss(tasks, losses)
      }
      const { grads } = tf.valueAndGrads(lossOf)([...Object.values(dense), ...looked.map((name) => inputs[name]!)])
      const reported = tf.clone(losses!)
      losses!.dispose()
      const flat = parameters.parameters.map(({ name, offset }, i) => {
        const ridged = isWide(offset)
          ? tf.add(grads[i]!, tf.mul(dense[name]!, training.ridge / trainingRows))
          : grads[i]!
        return tf.reshape(ridged, [-1]) as tf.Tensor1D
      })
      const next = optimizer.update(state.weights!, tf.concat1d(flat), rates(), state)
      return {
        outputs: {
          losses: reported,
          ...Object.fromEntries(looked.map((name, i) => [`gradient.${name}`, grads[names.length + i]!])),
        },
        state: {
          ...next.state,
          weights: next.weights,
          average: averageWeights(state.average!, next.weights, next.state.step!, training.averaging),
        },
      }
    },
  }
}
