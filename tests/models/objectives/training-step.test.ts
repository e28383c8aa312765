import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { createNetwork, wideGroup } from '../../../models/architectures/network.ts'
import { cpu } from '../../../models/engine/cpu.ts'
import type { TypedArray } from '../../../models/engine/program.ts'
import { createRandom } from '../../../models/engine/random.ts'
import { record } from '../../../models/engine/record.ts'
import { trainingStep } from '../../../models/objectives/training-step.ts'
import type { RankerConfig } from '../../../models/spec/define-ranker.ts'
import type { FeatureSpec } from '../../../models/spec/features.ts'
import { smallArchitectures } from '../architectures/small-architectures.ts'
import { networkLogits, randomSide, wholeRanker, wholeStatistics } from '../architectures/whole-ranker.ts'
import { bitsOf } from '../engine/run-step.ts'

const batchSize = 8
const widths = { dimension: 4, tasks: 3 }
const sides = ['request', 'candidate'] as const
type Feeds = Record<string, Float32Array>

/** A whole ranker in small batches, trained for `rows` examples. */
function setUp(config: Partial<RankerConfig> = {}, rows = 100) {
  const definition = wholeRanker({ ...config, training: { batchSize, ...config.training } })
  const network = createNetwork(definition, wholeStatistics)
  const program = record(trainingStep(definition, network, rows))
  return { definition, network, program, weights: network.parameters.initialize(createRandom(1)) }
}
type SetUp = ReturnType<typeof setUp>

/** A batch of random examples; masks of ones where there is no dropout. */
function batchOf({ network, definition }: SetUp, seed: number, { dropout = false } = {}): Feeds {
  const random = createRandom(seed)
  const parts = sides.flatMap((name) =>
    Object.entries(randomSide(network.layout[name], batchSize, widths, random)).map(
      ([part, values]) => [`${name}.${part}`, values] as const,
    ),
  )
  const masks = Object.entries(network.dropoutWidths).map(([layer, width]) => {
    const mask = Float32Array.from({ length: batchSize * width }, () =>
      !dropout ? 1 : random.uniform() < 0.3 ? 0 : 1.5,
    )
    return [`mask.${layer}`, mask] as const
  })
  const cells = batchSize * definition.tasks.length
  return {
    ...Object.fromEntries([...parts, ...masks]),
    labels: Float32Array.from({ length: cells }, () => Number(random.uniform() < 0.5)),
    known: Float32Array.from({ length: cells }, () => Number(random.uniform() < 0.8)),
  }
}

/** Outputs of every step, and the state after the last. */
async function run({ program }: SetUp, weights: Float32Array, batches: readonly Feeds[], threads = 1) {
  const session = await cpu.open(program, { threads, state: { weights, average: weights } })
  const outputs: Record<string, TypedArray>[] = []
  for (const batch of batches) outputs.push(structuredClone(await session.run(batch)))
  const state = await session.readState()
  await session.close()
  return { outputs, state }
}
const lossOf = ({ definition }: SetUp, losses: TypedArray) =>
  definition.tasks.reduce((sum, { lossWeight = 1 }, t) => sum + lossWeight * losses[t]!, 0)

test('fifty steps give the same bytes twice', async () => {
  const whole = setUp()
  const batches = Array.from({ length: 50 }, (_, i) => batchOf(whole, i, { dropout: true }))
  const [once, again] = [await run(whole, whole.weights, batches), await run(whole, whole.weights, batches)]

  for (const [name, values] of Object.entries(once.state)) assert.deepEqual(bitsOf(again.state[name]!), bitsOf(values))
  assert.deepEqual(again.outputs, once.outputs)
  assert.notDeepEqual(once.state.weights, whole.weights)
})

for (const architecture of smallArchitectures) {
  test(`${architecture.kind}: rows of padding change no bit of losses, weights or gradients`, async () => {
    const whole = setUp({ architecture })
    const [filled, other] = [1, 2].map((seed) =>
      Array.from({ length: 5 }, (_, i) => batchOf(whole, 10 * seed + i, { dropout: true })),
    ) as [Feeds[], Feeds[]]
    // Places 5, 6 and 7 have no known label; in one run they hold nothing, in another anything.
    const padded = (rest: (place: Float32Array, name: string, step: number) => ArrayLike<number>) =>
      filled.map((batch, step) =>
        Object.fromEntries(
          Object.entries(batch).map(([name, values]) => {
            const copy = values.slice()
            const from = (values.length / batchSize) * 5
            // Masks are drawn for whole batches.
            if (!name.startsWith('mask'))
              copy.set(
                name === 'known' ? copy.subarray(from).map(() => 0) : rest(copy.subarray(from), name, step),
                from,
              )
            return [name, copy]
          }),
        ),
      )
    const empty = await run(
      whole,
      whole.weights,
      padded((place) => place.map(() => 0)),
    )
    const full = await run(
      whole,
      whole.weights,
      padded((place, name, step) => other[step]![name]!.subarray(-place.length)),
    )

    for (const [name, values] of Object.entries(empty.state))
      assert.deepEqual(bitsOf(full.state[name]!), bitsOf(values), name)
    empty.outputs.forEach((outputs, step) => {
      for (const [name, values] of Object.entries(outputs)) assert.deepEqual(full.outputs[step]![name], values, name)
      for (const [name, values] of Object.entries(outputs).filter(([each]) => each.startsWith('gradient'))) {
        const padding = values.subarray((values.length / batchSize) * 5)
        assert.equal(
          padding.every((slope) => slope === 0),
          true,
          name,
        )
      }
    })
  })
}

test('gradients of weights and table rows are the slopes of the loss', async () => {
  const tasks = wholeRanker().tasks.map((task, t) => ({ ...task, lossWeight: [1, 0.25, 2][t]! }))
  // With plain descent at rate 1 the weights move by their gradient.
  const training = { optimizer: { kind: 'sgd' }, rate: 1, wideRate: 1, ridge: 0 } as const
  const whole = setUp({ tasks, training })
  const weights = whole.weights.map((value, i) => value + 0.1 * Math.sin(i))
  const batch = batchOf(whole, 3)
  const { outputs, state } = await run(whole, weights, [batch])
  const total = async (flat: Float32Array, feeds: Feeds) =>
    lossOf(whole, (await run(whole, flat, [feeds])).outputs[0]!.losses!)

  const slopes: Record<string, ArrayLike<number>> = { weights: weights.map((value, i) => value - state.weights![i]!) }
  for (const name of Object.keys(outputs[0]!).filter((each) => each.startsWith('gradient.')))
    slopes[name.slice('gradient.'.length)] = outputs[0]![name]!
  assert.deepEqual(Object.keys(slopes).sort(), [
    'candidate.deep',
    'candidate.wide',
    'request.deep',
    'request.wide',
    'weights',
  ])
  for (const [seed, [name, slope]] of Object.entries(slopes).entries()) {
    const { normal } = createRandom(100 + seed)
    const along = Float32Array.from(slope, normal)
    const moved = (distance: number) => {
      const shift = (values: Float32Array) => values.map((value, i) => value + distance * along[i]!)
      return name === 'weights'
        ? total(shift(weights), batch)
        : total(weights, { ...batch, [name]: shift(batch[name]!) })
    }
    const wanted = along.reduce((sum, step, i) => sum + step * slope[i]!, 0)
    const found = ((await moved(1e-3)) - (await moved(-1e-3))) / 2e-3
    assert.ok(Math.abs(found - wanted) < 0.01 * Math.abs(wanted) + 3e-3, `${name}: slope ${found}, gradient ${wanted}`)
  }
})

test('losses are those of the logits before the step', async () => {
  const whole = setUp()
  const batch = batchOf(whole, 5)
  const side = (name: string) => ({
    deep: batch[`${name}.deep`]!,
    wide: batch[`${name}.wide`]!,
    weights: batch[`${name}.weights`]!,
    numbers: batch[`${name}.numbers`]!,
    present: batch[`${name}.present`]!,
  })
  const places = [batchSize, batchSize] as const
  const logits = await networkLogits(whole.network, widths, whole.weights, side('request'), side('candidate'), places)
  const { outputs } = await run(whole, whole.weights, [batch])

  for (const t of [0, 1, 2]) {
    let [sum, count] = [0, 0]
    for (let row = 0; row < batchSize; row++) {
      const at = row * 3 + t
      const [z, y] = [logits[at]!, batch.labels![at]!]
      count += batch.known![at]!
      sum += batch.known![at]! * (t === 1 ? (z - y) ** 2 / 2 : Math.log1p(Math.exp(z)) - z * y)
    }
    assert.ok(Math.abs(outputs[0]!.losses![t]! - sum / count) < 1e-5, `task ${t}`)
  }
})

test('without a known label only the ridge moves weights, those of the wide part, at the wide rate', async () => {
  const whole = setUp({ training: { ridge: 50, rate: 0.5, wideRate: 0.01 } })
  const { offset, size } = whole.network.parameters.groups[wideGroup]!
  const weights = whole.weights.slice()
  weights.fill(2, offset, offset + size)
  const batch = batchOf(whole, 1)
  batch.known!.fill(0)
  const { state, outputs } = await run(whole, weights, [batch])

  assert.deepEqual(outputs[0]!.losses, new Float32Array(3))
  state.weights!.forEach((value, i) => {
    const isWide = i >= offset && i < offset + size
    assert.ok(isWide ? Math.abs(value - 1.99) < 1e-5 : value === weights[i]!, `weight ${i} is ${value}`)
  })
})

test('the ridge is shared out over the training rows', async () => {
  const training = { optimizer: { kind: 'sgd' }, ridge: 50, rate: 0.5, wideRate: 0.5 } as const
  const after = async (rows: number) => {
    const whole = setUp({ training }, rows)
    const { offset } = whole.network.parameters.groups[wideGroup]!
    const weights = whole.weights.map(() => 1)
    const batch = batchOf(whole, 1)
    batch.known!.fill(0)
    return (await run(whole, weights, [batch])).state.weights![offset]!
  }

  assert.ok(Math.abs((await after(100)) - (1 - (0.5 * 50) / 100)) < 1e-6)
  assert.ok(Math.abs((await after(1000)) - (1 - (0.5 * 50) / 1000)) < 1e-6)
})

test('masks cut the deep part off where they are 0, and leave the wide part', async () => {
  const whole = setUp()
  const gradientsOf = async (...layers: string[]) => {
    const batch = batchOf(whole, 2)
    for (const layer of layers) batch[`mask.${layer}`]!.fill(0)
    const { outputs } = await run(whole, whole.weights, [batch])
    const moves = (name: string) => outputs[0]![`gradient.${name}`]!.some((slope) => slope !== 0)
    return [moves('candidate.deep'), moves('request.deep'), moves('candidate.wide')]
  }

  assert.deepEqual(await gradientsOf(), [true, true, true])
  assert.deepEqual(await gradientsOf('tower'), [false, false, true])
  // Past experts that are cut off the gates see the rows, but have nothing to mix.
  assert.deepEqual(await gradientsOf('expert'), [false, false, true])
})

test('averaged weights follow the weights by their formula', async () => {
  const whole = setUp({ training: { averaging: 0.15 } })
  let [average, before] = [Float64Array.from(whole.weights), whole.weights]
  for (let step = 1; step <= 3; step++) {
    const batches = Array.from({ length: step }, (_, i) => batchOf(whole, i))
    const { state } = await run(whole, whole.weights, batches)
    const kept = Math.min(0.15, step / (step + 10))
    average = average.map((value, i) => state.weights![i]! + kept * (value - state.weights![i]!))

    assert.notDeepEqual(state.weights, before)
    before = state.weights as Float32Array<ArrayBuffer>
    average.forEach((value, i) => {
      assert.ok(Math.abs(state.average![i]! - value) < 1e-6, `step ${step}, weight ${i}`)
    })
  }
})

test('a batch that is learnt again and again is learnt', async () => {
  const whole = setUp({ training: { rate: 0.01, wideRate: 0.01, ridge: 0 } })
  const batch = batchOf(whole, 4)
  const { outputs } = await run(
    whole,
    whole.weights,
    Array.from({ length: 60 }, () => batch),
  )
  const [first, last] = [outputs[0]!, outputs.at(-1)!].map(({ losses }) => lossOf(whole, losses!)) as [number, number]

  assert.ok(last < first / 4, `from ${first} to ${last}`)
})

test('rankers with features of one side only can be trained', async () => {
  const kinds: readonly FeatureSpec[] = [
    { kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 9 } },
    { kind: 'categorical', name: 'userId', scope: 'user', rows: { buckets: 9 } },
    { kind: 'numeric', name: 'price', scope: 'item', scale: 'standard' },
    { kind: 'numeric', name: 'age', scope: 'user', scale: 'log' },
  ]
  for (const feature of kinds) {
    const whole = setUp({ features: [feature] })
    const { outputs } = await run(whole, whole.weights, [batchOf(whole, 1)])

    assert.equal(outputs[0]!.losses!.every(Number.isFinite), true, feature.name)
  }
})

test('recording a training step leaves no tensor behind', () => {
  const count = () => tf.engine().state.numTensors
  const before = count()
  setUp()

  assert.equal(count(), before)
})
