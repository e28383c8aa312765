import * as tf from '@tensorflow/tfjs-core'
import type { Network, SideTensors } from '../architectures/network.ts'
import type { TensorSpec } from '../engine/program.ts'
import type { Step, Tensors } from '../engine/record.ts'
import type { RankerDefinition } from '../spec/ranker.ts'
import { taskKind } from '../spec/tasks.ts'
import type { Calibration } from './calibration.ts'

/** Names of the graph's weights, as in the weights file. */
export const deepTable = 'table.deep'
export const wideTable = 'table.wide'

/**
 * Scores one request with `candidates` slots: inputs `<side>.rows|weights|numbers|present` as the encoder writes them,
 * and the weights by name; output `scores` [candidates, tasks], calibrated probabilities or values.
 */
export function scoringStep(
  { tasks, trunk }: RankerDefinition,
  network: Network,
  calibrations: readonly Calibration[],
  candidates: number,
): Step {
  const { layout, parameters } = network
  const sides = [
    { name: 'request', side: layout.request, places: 1 },
    { name: 'candidate', side: layout.candidate, places: candidates },
  ]
  const float = (...shape: readonly number[]): TensorSpec => ({ shape, dtype: 'float32' })
  const sideInputs = sides.flatMap(({ name, side: { slots, numbers }, places }): [string, TensorSpec][] => [
    [`${name}.rows`, { shape: [places, slots], dtype: 'int32' }],
    [`${name}.weights`, float(places, slots)],
    [`${name}.numbers`, float(places, numbers.length)],
    [`${name}.present`, float(places, numbers.length)],
  ])
  return {
    inputs: {
      ...Object.fromEntries(sideInputs),
      [deepTable]: float(layout.tableRows, trunk.dimension),
      [wideTable]: float(layout.tableRows, tasks.length),
      ...Object.fromEntries(parameters.parameters.map(({ name, shape }) => [name, float(...shape)])),
    },
    run(inputs) {
      const [request, candidate] = sides.map(({ name }) => lookUp(name, inputs))
      const logits = network.logits(inputs, request!, candidate!, null)
      const row = (pick: (calibration: Calibration) => number) => tf.tensor2d(calibrations.map(pick), [1, tasks.length])
      const calibrated = tf.add(
        tf.mul(
          logits,
          row(({ scale }) => scale),
        ),
        row(({ shift }) => shift),
      )
      const isBinary = tf.tensor2d(
        tasks.map((task) => (taskKind(task) === 'binary' ? 1 : 0)),
        [1, tasks.length],
      )
      const scores = tasks.every((task) => taskKind(task) === 'binary')
        ? tf.sigmoid(calibrated)
        : tf.where(tf.greater(isBinary, 0), tf.sigmoid(calibrated), calibrated)
      return { outputs: { scores } }
    },
  }
}

function lookUp(name: string, inputs: Tensors): SideTensors {
  const rows = inputs[`${name}.rows`] as tf.Tensor2D
  return {
    deep: tf.gather(inputs[deepTable]!, rows) as tf.Tensor3D,
    wide: tf.gather(inputs[wideTable]!, rows) as tf.Tensor3D,
    weights: inputs[`${name}.weights`] as tf.Tensor2D,
    numbers: inputs[`${name}.numbers`] as tf.Tensor2D,
    present: inputs[`${name}.present`] as tf.Tensor2D,
  }
}
