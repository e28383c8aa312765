import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { createNetwork } from '../../../models/architectures/network.ts'
import type { Device } from '../../../models/engine/device.ts'
import { kuairandCounters } from '../../../models/presets/kuairand.ts'
import { layoutOf } from '../../../models/spec/layout.ts'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import { createFirstPass } from '../../../models/spec/statistics.ts'
import { kuairandFrame } from '../../../pipelines/datasets/kuairand/frame.ts'
import { readKuairand } from '../../../pipelines/datasets/kuairand/tables.ts'
import { encodeExamples, withNumberStatistics } from '../../../pipelines/training/encoded-examples.ts'
import { fit } from '../../../pipelines/training/fit.ts'
import type { Workload, WorkloadOptions } from './workload.ts'

const folder = join(import.meta.dirname, '..', '..', '..', 'pipelines', 'datasets', 'kuairand')
const textOf = (file: string) => gunzipSync(readFileSync(join(folder, `${file}.csv.gz`))).toString('utf8')

/** From the bundled files to examples in memory: read, counters as of each row's time, and encoded. */
export function readExamples(definition: RankerDefinition) {
  const tables = readKuairand({
    interactions: textOf('interactions'),
    users: textOf('user_features'),
    videos: textOf('video_features_basic_pool_only'),
  })
  const frame = kuairandFrame(tables)
  const learnt = [...frame.train, ...frame.validation].sort((a, b) => a - b)
  const slates = learnt.map((row) => frame.slates[row]!)
  const pass = createFirstPass(definition)
  for (const slate of slates) pass.add(slate)
  const first = pass.finish()
  const examples = encodeExamples(definition, first, slates)
  return { examples, statistics: withNumberStatistics(layoutOf(definition), first, examples, examples.count) }
}

type Examples = ReturnType<typeof readExamples>

/** A device whose sessions hand on every step's losses. */
const listening = (device: Device, hear: (losses: Float32Array) => void): Device => ({
  ...device,
  async open(program, options) {
    const session = await device.open(program, options)
    return {
      ...session,
      async run(feeds) {
        const outputs = await session.run(feeds)
        hear(outputs.losses as Float32Array)
        return outputs
      },
    }
  },
})

/**
 * Two passes over all examples. The second is timed: recording, opening and compiling the step fall into the first.
 * `meanLoss` is of the first, summed over tasks.
 */
async function learn(
  { examples, statistics }: Examples,
  definition: RankerDefinition,
  { device, threads }: WorkloadOptions,
) {
  const losses: number[] = []
  const ends: number[] = []
  await fit({
    definition,
    network: createNetwork(definition, statistics),
    examples,
    rows: Int32Array.from({ length: examples.count }, (_, i) => i),
    epochs: 2,
    seed: 1,
    device: listening(device, (each) => losses.push(each.reduce((sum, loss) => sum + loss, 0))),
    threads,
    async afterEpoch() {
      ends.push(performance.now())
      return true
    },
  })
  const first = losses.slice(0, losses.length / 2)
  return { ms: ends[1]! - ends[0]!, meanLoss: first.reduce((sum, loss) => sum + loss, 0) / first.length }
}

/** Of the same rows and features: how many rows, the mean over all numbers of their means, the loss of rates alone. */
export function tellRows({ examples, statistics }: Examples, { tasks }: RankerDefinition): readonly number[] {
  const means = Object.values(statistics.numbers).map(({ mean }) => mean)
  const rateLoss = tasks.reduce((sum, _, task) => {
    let positives = 0
    for (let row = 0; row < examples.count; row++) positives += examples.labels[row * tasks.length + task]!
    const rate = positives / examples.count
    return sum - rate * Math.log(rate) - (1 - rate) * Math.log(1 - rate)
  }, 0)
  return [examples.count, means.reduce((sum, mean) => sum + mean, 0) / means.length, rateLoss]
}

/** The default ranker of the bundled sample: reading, encoding and one pass of training. */
export async function kuairandPass(options: WorkloadOptions): Promise<Workload> {
  const definition: RankerDefinition = {
    ...kuairandCounters,
    training: { ...kuairandCounters.training, batchSize: options.rows },
  }
  const examples = readExamples(definition)
  const { meanLoss } = await learn(examples, definition, options)
  return {
    check: [...tellRows(examples, definition), meanLoss],
    async measure() {
      const start = performance.now()
      const read = readExamples(definition)
      const reading = performance.now() - start
      return { ms: reading + (await learn(read, definition, options)).ms, steps: 1 }
    },
  }
}
