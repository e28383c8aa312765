import assert from 'node:assert/strict'
import { test } from 'node:test'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { createNetwork, type Network } from '../../../models/architectures/network.ts'
import type { Device } from '../../../models/engine/device.ts'
import { sizeOf } from '../../../models/engine/kernels/kernel.ts'
import type { TypedArray } from '../../../models/engine/program.ts'
import { createRandom, fillDropoutMask } from '../../../models/engine/random.ts'
import { record, type Step } from '../../../models/engine/record.ts'
import { trainingStep } from '../../../models/objectives/training-step.ts'
import { randomSide, wholeRanker, wholeStatistics } from '../architectures/whole-ranker.ts'

type Named = Readonly<Record<string, TypedArray>>

const [steps, batchSize, seed] = [200, 32, 1]
const widths = { dimension: 4, tasks: 3 }
const definition = wholeRanker({
  architecture: { kind: 'mmoe', experts: 4, hidden: 16, tower: 8 },
  training: { batchSize, rate: 0.002, wideRate: 0.002, ridge: 1, clipNorm: 5, schedule: { warmupSteps: 20 } },
})

/** A batch of another draw for each step; labels follow the numbers, so that there is something to learn. */
function batchOf(network: Network, step: number): Record<string, Float32Array> {
  const random = createRandom(seed).fork(`step ${step}`)
  const feeds: Record<string, Float32Array> = {}
  for (const name of ['request', 'candidate'] as const) {
    const side = randomSide(network.layout[name], batchSize, widths, random)
    for (const [part, values] of Object.entries(side)) feeds[`${name}.${part}`] = values
  }
  for (const [layer, width] of Object.entries(network.dropoutWidths)) {
    feeds[`mask.${layer}`] = new Float32Array(batchSize * width)
    fillDropoutMask(feeds[`mask.${layer}`]!, 0.3, random)
  }
  const { tasks } = widths
  const numbers = network.layout.candidate.numbers.length
  feeds.known = Float32Array.from({ length: batchSize * tasks }, () => Number(random.uniform() < 0.8))
  feeds.labels = Float32Array.from({ length: batchSize * tasks }, (_, i) => {
    const pull = feeds['candidate.numbers']![Math.floor(i / tasks) * numbers]! + random.normal()
    return i % tasks === 1 ? pull : Number(pull > 0.5)
  })
  return feeds
}

/** Losses of every step, and the state after the last. */
interface Course {
  readonly losses: readonly TypedArray[]
  readonly state: Named
}

/** Plain TensorFlow.js: the step run eagerly, kernel by kernel, with real tensors. */
function oracleCourse(step: Step, first: Named, batches: readonly Named[]): Course {
  const before = tf.getBackend()
  tf.setBackend('cpu')
  try {
    const tensors = (specs: Step['inputs'], values: Named) =>
      Object.fromEntries(
        Object.entries(specs).map(([name, { shape, dtype }]) => [
          name,
          tf.tensor(values[name] ?? new Float32Array(sizeOf(shape)), [...shape], dtype),
        ]),
      )
    let state = first
    const losses = batches.map((batch) =>
      tf.tidy(() => {
        const { outputs, state: next } = step.run(tensors(step.inputs, batch), tensors(step.state!, state))
        state = Object.fromEntries(
          Object.entries(next!).map(([name, tensor]) => [name, tensor.dataSync<'float32'>().slice()]),
        )
        return outputs.losses!.dataSync<'float32'>().slice()
      }),
    )
    return { losses, state }
  } finally {
    if (before) tf.setBackend(before)
  }
}

async function deviceCourse(device: Device, step: Step, first: Named, batches: readonly Named[]): Promise<Course> {
  const session = await device.open(record(step), { threads: 1, state: first })
  try {
    const losses: TypedArray[] = []
    for (const batch of batches) losses.push((await session.run(batch)).losses!.slice())
    return { losses, state: await session.readState() }
  } finally {
    await session.close()
  }
}

/** The suite that a device passes: many steps of training go as on the plain TensorFlow.js backend. */
export function testSteps(device: Device, tolerance = 1e-4): void {
  test(`${steps} steps of a mixture of experts on ${device.name} have the losses of plain TensorFlow.js`, async () => {
    const network = createNetwork(definition, wholeStatistics)
    const step = trainingStep(definition, network, 1_000)
    const weights = network.parameters.initialize(createRandom(seed))
    const first = { weights, average: weights }
    const batches = Array.from({ length: steps }, (_, i) => batchOf(network, i))

    const [wanted, found] = [oracleCourse(step, first, batches), await deviceCourse(device, step, first, batches)]

    const meanOf = (losses: readonly TypedArray[]) =>
      losses.reduce((sum, each) => sum + (each as Float32Array).reduce((all, loss) => all + loss, 0), 0) / losses.length
    assert.ok(meanOf(wanted.losses.slice(-50)) < 0.95 * meanOf(wanted.losses.slice(0, 50)), 'something was learnt')
    wanted.losses.forEach((losses, at) => {
      losses.forEach((loss, t) => {
        const error = Math.abs(found.losses[at]![t]! / loss - 1)
        assert.ok(error <= tolerance, `step ${at + 1}, task ${t}: ${found.losses[at]![t]}, not ${loss}`)
      })
    })
    for (const [name, values] of Object.entries(wanted.state)) {
      const [norm, distance] = [0, 1].map((k) =>
        Math.hypot(...Array.from(values, (value, i) => (k === 0 ? value : value - found.state[name]![i]!))),
      ) as [number, number]
      assert.ok(distance <= 10 * tolerance * norm, `${name} is ${distance / norm} away`)
    }
  })
}
