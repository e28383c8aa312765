import * as tf from '@tensorflow/tfjs-core'
import { createOptimizer } from '../../../models/engine/optimizers.ts'
import { layoutParameters, zeros } from '../../../models/engine/parameters.ts'
import { createRandom } from '../../../models/engine/random.ts'
import { record, type Step } from '../../../models/engine/record.ts'
import { silu } from '../../../models/layers/activations.ts'
import { createTable } from '../../../models/tables/table.ts'
import { createDraws, type Draws } from './draws.ts'
import { batches, drawZipfRows, fields, firstWeight, rowsOfField, width } from './embedding-rows.ts'
import { timeSteps, type Workload, type WorkloadOptions, warmUp } from './workload.ts'

const layers = [fields * width, 512, 256, 1] as const
const rate = 1e-3
const tableRate = 0.01

const dense = (name: string, shape: readonly number[]) => ({ name, shape, group: 'dense', initialize: zeros })
const layout = layoutParameters(
  [0, 1, 2].flatMap((at) => [
    dense(`${at}.weight`, [layers[at]!, layers[at + 1]!]),
    dense(`${at}.bias`, [layers[at + 1]!]),
  ]),
)

function drawWeights(draws: Draws): Float32Array {
  const flat = layout.initialize(createRandom(0))
  for (let at = 0; at < 3; at++) {
    const { offset } = layout.parameters.find(({ name }) => name === `${at}.weight`)!
    flat.set(draws.weight(layers[at]!, layers[at + 1]!), offset)
  }
  return flat
}

/** Looked-up rows [batch, fields * width] through two hidden layers to one probability; their gradient goes out. */
export function denseStep(batch: number): Step {
  const optimizer = createOptimizer(layout.size, { optimizer: { kind: 'adam' } })
  return {
    inputs: {
      embedded: { shape: [batch, layers[0]], dtype: 'float32' },
      labels: { shape: [batch, 1], dtype: 'float32' },
    },
    state: { weights: { shape: [layout.size], dtype: 'float32' }, ...optimizer.state },
    run({ embedded, labels }, state) {
      const parameters = layout.slices(state.weights as tf.Tensor1D)
      const names = Object.keys(parameters)
      const lossAt = (...tensors: tf.Tensor[]) => {
        const weights = Object.fromEntries(names.map((name, i) => [name, tensors[i]!]))
        const linear = (x: tf.Tensor, at: number) =>
          tf.add(tf.matMul(x, weights[`${at}.weight`]!), weights[`${at}.bias`]!)
        const logits = linear(silu(linear(silu(linear(tensors.at(-1)!, 0)), 1)), 2)
        return tf.mean(tf.sub(tf.softplus(logits), tf.mul(logits, labels!))) as tf.Scalar
      }
      const { value, grads } = tf.valueAndGrads(lossAt)([...Object.values(parameters), embedded!])
      const flat = grads.slice(0, -1).map((each) => tf.reshape(each, [-1]) as tf.Tensor1D)
      const next = optimizer.update(state.weights!, tf.concat1d(flat), rate, state)
      return { outputs: { loss: value, gradient: grads.at(-1)! }, state: { ...next.state, weights: next.weights } }
    },
  }
}

/** A table of so many rows with polyrank's own rule, and no ridge. */
function openTable(tableRows: number) {
  const rows = rowsOfField(tableRows)
  return createTable({
    rows: 1 + tableRows,
    width,
    columns: Array.from({ length: fields }, (_, field) => ({ feature: `${field}`, offset: 1 + field * rows, rows })),
    rate: tableRate,
    ridge: 0,
    averaging: 0.99,
    momentOver: 'touched',
    initialize(row, weights) {
      for (let entry = 0; entry < width; entry++) weights[entry] = firstWeight(row, entry)
    },
  })
}

/** The whole step: rows looked up on the host, the recorded dense step, and the touched rows updated. */
export async function embeddingTraining(options: WorkloadOptions): Promise<Workload> {
  const { device, precision, threads, seconds, rows: batch, tableRows } = options
  const draws = createDraws()
  const weights = drawWeights(draws)
  const ids = drawZipfRows(draws, batch, tableRows)
  const labels = ids.map(() => Float32Array.from({ length: batch }, () => (draws.uniform() < 0.25 ? 1 : 0)))
  const session = await device.open(record(denseStep(batch)), { threads, precision, state: { weights } })
  const table = openTable(tableRows)
  const embedded = new Float32Array(batch * layers[0])
  // A gradient of nothing brings rows to life: the first loss is then of their first weights.
  for (const rows of ids) table.update(rows, embedded)
  let turn = 0
  const step = async () => {
    const rows = ids[turn]!
    table.gather(rows, embedded)
    const { loss, gradient } = await session.run({ embedded, labels: labels[turn]! })
    table.update(rows, gradient as Float32Array)
    turn = (turn + 1) % batches
    return loss![0]!
  }
  const check = [await step(), new Set(ids[0]!).size]
  // Every batch once, so that memory of all rows that are read is there.
  await warmUp(step, batches)
  return { check, measure: () => timeSteps(step, seconds) }
}
