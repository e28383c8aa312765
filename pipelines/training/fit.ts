import { biasName, type Network } from '../../models/architectures/network.ts'
import type { Device, Precision } from '../../models/engine/device.ts'
import type { TypedArray } from '../../models/engine/program.ts'
import { createRandom, type Random, shuffle } from '../../models/engine/random.ts'
import { record } from '../../models/engine/record.ts'
import { trainingStep } from '../../models/objectives/training-step.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import { taskKind } from '../../models/spec/tasks.ts'
import { createTable, type TableState } from '../../models/tables/table.ts'
import type { EncodedExamples } from './encoded-examples.ts'
import { createFeeder, type Tables } from './feeder.ts'
import { type Broken, denseTensors, firstBroken, type NamedValues, notFinite } from './finite.ts'
import type { WarmStart } from './warm-start.ts'

/** What training leaves: averaged weights, dense ones flat, tables whole. */
export interface TrainedWeights {
  readonly dense: Float32Array
  /** [tableRows, dimension] */
  readonly deep: Float32Array
  /** [tableRows, tasks] */
  readonly wide: Float32Array
}

/** All that the rest of a fit depends on, beside its options: the order of each pass follows from the seed. */
export interface FitState {
  /** Steps made, over all passes. */
  readonly step: number
  /** The state of the generator of masks. */
  readonly masks: Int32Array
  /** The step's state tensors, by name. */
  readonly dense: Readonly<Record<string, TypedArray>>
  readonly deep: TableState
  readonly wide: TableState
}

/** Keeps the state of a fit every now and then. */
export interface Keeper {
  /** Asked after every step. */
  isDue(): boolean
  keep(read: () => Promise<FitState>): Promise<void>
  /** The last state that was kept, for people: `step 800, is in <folder>`; null where there is none. */
  lastKept(): string | null
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
  /** What matrices are multiplied in; float32 where left out. */
  readonly precision?: Precision | undefined
  /** What of an older version it begins with; all weights are new where it is left out. */
  readonly start?: WarmStart | undefined
  /** A state that a fit of the same options gave to its keeper: this one goes on from there, to the same bytes. */
  readonly from?: FitState | undefined
  readonly keeper?: Keeper | undefined
  /** After each epoch (1, 2, ...); false stops. */
  afterEpoch?(epoch: number, weights: () => Promise<TrainedWeights>): Promise<boolean>
}

const embeddingDeviation = 0.01

/**
 * Learns the weights by passes over shuffled batches. Same options, device and threads: same bytes. Fault
 * `TRAINING_NOT_FINITE` names the task whose loss broke and the tensor that did first; what is kept and what is returned
 * is finite.
 */
export async function fit(options: FitOptions): Promise<TrainedWeights> {
  const { definition, network, rows, epochs, seed, device, threads, precision = 'float32', from, keeper } = options
  const random = createRandom(seed)
  const { training, tasks } = definition
  const program = record(trainingStep(definition, network, rows.length))
  const state = from?.dense ?? firstState(options, random)
  const session = await device.open(program, { threads, precision, state })
  const tables = createTables(options, random)
  const feeder = createFeeder(options, tables)
  const order = rows.slice()
  const [orderRandom, maskRandom] = [random.fork('order'), random.fork('masks')]
  if (from !== undefined) maskRandom.state.set(from.masks)
  let step = from?.step ?? 0

  const fault = (broken: Omit<Broken, 'step'>) => notFinite({ ...broken, step }, keeper?.lastKept() ?? null)
  const requireFinite = (tensors: NamedValues) => {
    const tensor = firstBroken(tensors)
    if (tensor !== null) throw fault({ task: null, tensor })
  }
  const weights = async (): Promise<TrainedWeights> => {
    const { average } = (await session.readState()) as { average: Float32Array }
    const [deep, wide] = [tables.deep.averaged(), tables.wide.averaged()]
    requireFinite([...denseTensors(network, { average }), ['deep table', deep], ['wide table', wide]])
    return { dense: average, deep, wide }
  }
  const readState = async (): Promise<FitState> => {
    const dense = await session.readState()
    const [deep, wide] = [tables.deep.readState(), tables.wide.readState()]
    const ofTables = (['weights', 'averages', 'moments'] as const).flatMap((part) => [
      [`${part} of the deep table`, deep[part]] as const,
      [`${part} of the wide table`, wide[part]] as const,
    ])
    requireFinite([...denseTensors(network, dense), ...ofTables])
    return { step, masks: maskRandom.state.slice(), dense, deep, wide }
  }
  const learn = async (batch: Int32Array) => {
    feeder.fill(batch, maskRandom)
    const outputs = (await session.run(feeder.feeds)) as Record<string, Float32Array>
    step++
    const { losses, ...gradients } = outputs
    const broken = losses!.findIndex((loss) => !Number.isFinite(loss))
    if (broken !== -1) {
      const inOrder = [...Object.entries({ ...feeder.feeds, ...gradients })]
      const tensor = firstBroken([...inOrder, ...denseTensors(network, await session.readState())])
      throw fault({ task: tasks[broken]!.name, loss: losses![broken]!, tensor: tensor ?? 'losses' })
    }
    feeder.learn(outputs)
    for (const part of ['deep', 'wide'] as const) {
      const feature = tables[part].brokenFeature()
      if (feature !== null) throw fault({ task: null, tensor: `gradient.${part} of ${feature}` })
    }
  }

  try {
    const stepsPerEpoch = Math.ceil(order.length / training.batchSize)
    for (let epoch = 1; epoch <= epochs; epoch++) {
      shuffle(order, orderRandom)
      // Passes before the one that a kept state is of.
      if (step > epoch * stepsPerEpoch) continue
      while (step < epoch * stepsPerEpoch) {
        const at = (step % stepsPerEpoch) * training.batchSize
        await learn(order.subarray(at, at + training.batchSize))
        if (keeper?.isDue()) await keeper.keep(readState)
      }
      if (options.afterEpoch !== undefined && !(await options.afterEpoch(epoch, weights))) break
    }
    return await weights()
  } finally {
    await session.close()
  }
}

/** Tasks start at the log-odds (or mean) of their training labels; what an older version has, as it was there. */
function firstState({ definition, network, examples, rows, start }: FitOptions, random: Random) {
  const dense = network.parameters.initialize(random.fork('weights'))
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
  for (const { name, offset } of network.parameters.parameters) {
    const older = start?.dense.get(name)
    if (older !== undefined) dense.set(older, offset)
  }
  return { weights: dense, average: dense }
}

function createTables({ definition, network, rows, start, from }: FitOptions, random: Random): Tables {
  const { trunk, training, tasks } = definition
  const { tableRows, columns } = network.layout
  const shared = { rows: tableRows, columns, averaging: training.averaging }
  const deep = {
    ...shared,
    width: trunk.dimension,
    rate: training.embeddingRate,
    ridge: 0,
    momentOver: 'touched' as const,
    // By row, so that a row starts the same whatever was trained before it.
    initialize: (row: number, weights: Float32Array) => {
      const own = random.fork(`row ${row}`)
      for (let i = 0; i < weights.length; i++) weights[i] = own.normal() * embeddingDeviation
    },
  }
  const wide = {
    ...shared,
    width: tasks.length,
    rate: training.wideRate,
    ridge: training.ridge / rows.length,
    momentOver: 'trained' as const,
    initialize: () => {},
  }
  const state = from ?? start
  return { deep: createTable(deep, state?.deep), wide: createTable(wide, state?.wide) }
}
