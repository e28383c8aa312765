import { biasName, type Network } from '../../models/architectures/network.ts'
import type { Device } from '../../models/engine/device.ts'
import { createRandom, fillDropoutMask, type Random, shuffle } from '../../models/engine/random.ts'
import { record } from '../../models/engine/record.ts'
import { trainingStep } from '../../models/objectives/training-step.ts'
import { Fault } from '../../models/spec/fault.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import { taskKind } from '../../models/spec/tasks.ts'
import { createTable, type Table } from '../../models/tables/table.ts'
import type { EncodedExamples } from './encoded-examples.ts'

/** What training leaves: averaged weights, dense ones flat, tables whole. */
export interface TrainedWeights {
  readonly dense: Float32Array
  /** [tableRows, dimension] */
  readonly deep: Float32Array
  /** [tableRows, tasks] */
  readonly wide: Float32Array
}

export interface FitOptions {
  readonly definition: RankerDefinition
  readonly network: Network
  readonly examples: EncodedExamples
  /** Indices of the examples to learn from. */
  readonly rows: Int32Array
  readonly epochs: number
  readonly seed: number
  readonly device: Device
  readonly threads: number
  /** After each epoch (1, 2, ...); false stops. */
  afterEpoch?(epoch: number, weights: () => Promise<TrainedWeights>): Promise<boolean>
}

const embeddingDeviation = 0.01

/**
 * Learns the weights by passes over shuffled batches. Same options, device and threads: same bytes. Fault
 * `TRAINING_NOT_FINITE` names the task whose loss broke.
 */
export async function fit(options: FitOptions): Promise<TrainedWeights> {
  const { definition, network, rows, epochs, seed, device, threads } = options
  const random = createRandom(seed)
  const { training } = definition
  const dense = network.parameters.initialize(random.fork('weights'))
  setBiases(dense, options)
  const program = record(trainingStep(definition, network, rows.length))
  const session = await device.open(program, { threads, state: { weights: dense, average: dense } })
  const feeder = createFeeder(options, createTables(options, random))
  try {
    const order = rows.slice()
    const [orderRandom, maskRandom] = [random.fork('order'), random.fork('masks')]
    const weights = async (): Promise<TrainedWeights> => ({
      dense: (await session.readState()).average as Float32Array,
      deep: feeder.tables.deep.averaged(),
      wide: feeder.tables.wide.averaged(),
    })
    for (let epoch = 1; epoch <= epochs; epoch++) {
      shuffle(order, orderRandom)
      for (let from = 0; from < order.length; from += training.batchSize) {
        feeder.fill(order.subarray(from, from + training.batchSize), maskRandom)
        const outputs = await session.run(feeder.feeds)
        checkFinite(definition, outputs.losses as Float32Array)
        feeder.learn(outputs as Record<string, Float32Array>)
      }
      if (options.afterEpoch !== undefined && !(await options.afterEpoch(epoch, weights))) break
    }
    return await weights()
  } finally {
    await session.close()
  }
}

/** Tasks start at the log-odds (or mean) of their training labels. */
function setBiases(dense: Float32Array, { definition, network, examples, rows }: FitOptions): void {
  const { offset } = network.parameters.parameters.find(({ name }) => name === biasName)!
  definition.tasks.forEach((task, t) => {
    let [count, sum] = [0, 0]
    for (const row of rows) {
      const at = row * definition.tasks.length + t
      count += examples.known[at]!
      sum += examples.known[at]! * examples.labels[at]!
    }
    const mean = count === 0 ? 0 : sum / count
    const rate = Math.min(Math.max(mean, 1e-4), 1 - 1e-4)
    dense[offset + t] = taskKind(task) === 'value' ? mean : count === 0 ? 0 : Math.log(rate / (1 - rate))
  })
}

function createTables({ definition, network, rows }: FitOptions, random: Random): { deep: Table; wide: Table } {
  const { trunk, training, tasks } = definition
  const { tableRows, columns } = network.layout
  const shared = { rows: tableRows, columns, averaging: training.averaging }
  return {
    deep: createTable({
      ...shared,
      width: trunk.dimension,
      rate: training.embeddingRate,
      ridge: 0,
      momentOver: 'touched',
      // By row, so that a row starts the same whatever was trained before it.
      initialize: (row, weights) => {
        const own = random.fork(`row ${row}`)
        for (let i = 0; i < weights.length; i++) weights[i] = own.normal() * embeddingDeviation
      },
    }),
    wide: createTable({
      ...shared,
      width: tasks.length,
      rate: training.wideRate,
      ridge: training.ridge / rows.length,
      momentOver: 'trained',
      initialize: () => {},
    }),
  }
}

function checkFinite({ tasks }: RankerDefinition, losses: Float32Array): void {
  const broken = losses.findIndex((loss) => !Number.isFinite(loss))
  if (broken === -1) return
  throw new Fault(
    'TRAINING_NOT_FINITE',
    `The loss of task "${tasks[broken]!.name}" is ${losses[broken]}; lower the training rates, or limit its label ("most") where feedback has extreme values.`,
  )
}

/** Fills the step's feeds from examples, and hands its gradients to the tables. */
function createFeeder({ definition, network, examples }: FitOptions, tables: { deep: Table; wide: Table }) {
  const { batchSize } = definition.training
  const tasks = definition.tasks.length
  const sides = (['request', 'candidate'] as const).map((name) => {
    const { slots, numbers, groups } = network.layout[name]
    const ids = groups.filter(({ isId }) => isId)
    return {
      name,
      slots,
      numbers: numbers.length,
      idSlots: ids.flatMap(({ offset, count }) => Array.from({ length: count }, (_, i) => offset + i)),
      /** Rows as the wide part sees them, and as the deep part does: dropped ids read as nobody's row. */
      wideRows: new Int32Array(batchSize * slots),
      deepRows: new Int32Array(batchSize * slots),
    }
  })
  const feeds: Record<string, Float32Array> = {
    labels: new Float32Array(batchSize * tasks),
    known: new Float32Array(batchSize * tasks),
  }
  for (const { name, slots, numbers } of sides) {
    feeds[`${name}.deep`] = new Float32Array(batchSize * slots * tables.deep.width)
    feeds[`${name}.wide`] = new Float32Array(batchSize * slots * tables.wide.width)
    feeds[`${name}.weights`] = new Float32Array(batchSize * slots)
    feeds[`${name}.numbers`] = new Float32Array(batchSize * numbers)
    feeds[`${name}.present`] = new Float32Array(batchSize * numbers)
  }
  for (const [layer, width] of Object.entries(network.dropoutWidths))
    feeds[`mask.${layer}`] = new Float32Array(batchSize * width)
  const slots = sides.reduce((sum, side) => sum + side.slots, 0)
  /** Both sides' rows and gradients, as the tables take them. */
  const joinedOf = ({ width }: Table) => ({
    rows: new Int32Array(batchSize * slots),
    gradient: new Float32Array(batchSize * slots * width),
  })
  const joined = { deep: joinedOf(tables.deep), wide: joinedOf(tables.wide) }
  const masks = Object.keys(network.dropoutWidths).map((layer) => feeds[`mask.${layer}`]!)
  return {
    tables,
    feeds,
    /** Examples `rows`; places beyond them are padding, which no known label lets count. */
    fill(rows: Int32Array, random: Random): void {
      feeds.labels!.fill(0)
      feeds.known!.fill(0)
      copyRows(examples.labels, rows, tasks, feeds.labels!)
      copyRows(examples.known, rows, tasks, feeds.known!)
      for (const side of sides) {
        const source = examples[side.name]
        side.wideRows.fill(0)
        for (const part of ['weights', 'numbers', 'present'] as const) {
          feeds[`${side.name}.${part}`]!.fill(0)
          copyRows(source[part], rows, part === 'weights' ? side.slots : side.numbers, feeds[`${side.name}.${part}`]!)
        }
        copyRows(source.rows, rows, side.slots, side.wideRows)
        side.deepRows.set(side.wideRows)
        for (let i = 0; i < rows.length; i++) {
          for (const slot of side.idSlots) {
            if (random.uniform() < definition.trunk.idDropout) side.deepRows[i * side.slots + slot] = 0
          }
        }
        tables.deep.gather(side.deepRows, feeds[`${side.name}.deep`]!)
        tables.wide.gather(side.wideRows, feeds[`${side.name}.wide`]!)
      }
      for (const mask of masks) fillDropoutMask(mask, definition.trunk.dropout, random)
    },
    learn(outputs: Readonly<Record<string, Float32Array>>): void {
      for (const part of ['deep', 'wide'] as const) {
        const { rows, gradient } = joined[part]
        let at = 0
        for (const side of sides) {
          rows.set(side[`${part}Rows`], at)
          gradient.set(outputs[`gradient.${side.name}.${part}`]!, at * tables[part].width)
          at += batchSize * side.slots
        }
        tables[part].update(rows, gradient)
      }
    },
  }
}

function copyRows<T extends Float32Array | Int32Array>(from: T, rows: Int32Array, width: number, to: T): void {
  for (let i = 0; i < rows.length; i++) {
    const start = rows[i]! * width
    for (let j = 0; j < width; j++) to[i * width + j] = from[start + j]!
  }
}
