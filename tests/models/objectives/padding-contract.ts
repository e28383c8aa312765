import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createNetwork } from '../../../models/architectures/network.ts'
import type { Device } from '../../../models/engine/device.ts'
import type { TypedArray } from '../../../models/engine/program.ts'
import { createRandom, fillDropoutMask, type Random } from '../../../models/engine/random.ts'
import { record } from '../../../models/engine/record.ts'
import { deepTable, scoringStep, wideTable } from '../../../models/objectives/scoring-step.ts'
import { trainingStep } from '../../../models/objectives/training-step.ts'
import { smallArchitectures, wideArchitectures } from '../architectures/small-architectures.ts'
import { randomSide, wholeRanker, wholeStatistics } from '../architectures/whole-ranker.ts'
import { bitsOf } from '../engine/run-step.ts'

type Feeds = Record<string, Float32Array | Int32Array>

const widths = { dimension: 4, tasks: 3 }
const sides = ['request', 'candidate'] as const
const runs = 2
/** Of batches and of graphs: smaller than a vector of the processor, even, and uneven. */
const sizes = [2, 7, 16, 33]
/** Of what stands in padded places, by step. */
const scales = [1, -1e3, 1e6]

/** The first `real` of `places` rows of every feed, and zeros. */
function padded(feeds: Feeds, places: number, real: number): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, values]) => {
      const copy = values.slice()
      copy.fill(0, (values.length / places) * real)
      return [name, copy]
    }),
  )
}
/** The first `real` of the rows, and the rest of another. */
function joined(feeds: Feeds, rest: Feeds, places: number, real: number): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, values]) => {
      const copy = values.slice()
      const from = (values.length / places) * real
      copy.set(rest[name]!.subarray(from), from)
      return [name, copy]
    }),
  )
}
const firstRows = (values: TypedArray, places: number, real: number) =>
  bitsOf(values.subarray(0, (values.length / places) * real))

function training(kind: number, wide: boolean, batchSize: number) {
  const architecture = (wide ? wideArchitectures : smallArchitectures)[kind]!
  const definition = wholeRanker({ architecture, training: { batchSize, ridge: 3, clipNorm: 1 } })
  const network = createNetwork(definition, wholeStatistics)
  const program = record(trainingStep(definition, network, 100))
  const weights = network.parameters.initialize(createRandom(1))
  const batch = (random: Random, scale: number): Feeds => {
    const feeds: Feeds = {}
    for (const name of sides) {
      const side = randomSide(network.layout[name], batchSize, widths, random)
      for (const [part, values] of Object.entries(side)) feeds[`${name}.${part}`] = values.map((value) => value * scale)
    }
    const cells = batchSize * widths.tasks
    feeds.labels = Float32Array.from({ length: cells }, () => scale * Number(random.uniform() < 0.5))
    feeds.known = Float32Array.from({ length: cells }, () => Number(random.uniform() < 0.8))
    return feeds
  }
  const masks = (random: Random): Feeds =>
    Object.fromEntries(
      Object.entries(network.dropoutWidths).map(([layer, width]) => {
        const mask = new Float32Array(batchSize * width)
        fillDropoutMask(mask, 0.3, random)
        return [`mask.${layer}`, mask]
      }),
    )
  return { program, weights, batch, masks }
}

/** The suite that a device passes: what stands in padded places changes no bit of anything else. */
export function testPadding(device: Device): void {
  const architectures = fc.record({ kind: fc.nat({ max: smallArchitectures.length - 1 }), wide: fc.boolean() })

  for (const batchSize of sizes) {
    test(`training in batches of ${batchSize} on ${device.name}: padded rows change no bit of losses, gradients or state`, async () => {
      await fc.assert(
        fc.asyncProperty(
          architectures,
          fc.integer({ min: 1, max: batchSize - 1 }),
          fc.nat(),
          async (which, real, seed) => {
            const { program, weights, batch, masks } = training(which.kind, which.wide, batchSize)
            const course = async (rest: (empty: Feeds, scale: number) => Feeds) => {
              const session = await device.open(program, { threads: 1, state: { weights, average: weights } })
              const seen: unknown[] = []
              for (const scale of scales) {
                const own = createRandom(seed).fork(`${scale}`)
                const rows = padded(batch(own, 1), batchSize, real)
                const other = rest(rows, scale)
                const known = { known: rows.known! }
                // Masks are drawn for whole batches.
                const feeds = { ...joined(rows, other, batchSize, real), ...known, ...masks(own) }
                const { losses, ...gradients } = await session.run(feeds)
                seen.push(bitsOf(losses!))
                for (const [name, values] of Object.entries(gradients))
                  seen.push([name, firstRows(values, batchSize, real)])
              }
              const state = await session.readState()
              await session.close()
              return { seen, state: Object.entries(state).map(([name, values]) => [name, bitsOf(values)]) }
            }

            const random = createRandom(seed + 1)
            assert.deepEqual(await course((_, scale) => batch(random, scale)), await course((rows) => rows))
          },
        ),
        { numRuns: runs },
      )
    })
  }

  for (const candidates of sizes) {
    test(`scoring ${candidates} places on ${device.name}: padded candidates change no bit of the others`, async () => {
      await fc.assert(
        fc.asyncProperty(
          architectures,
          fc.integer({ min: 1, max: candidates - 1 }),
          fc.nat(),
          async (which, real, seed) => {
            const { rank, candidate, close } = await scoring(device, which.kind, which.wide, candidates, seed)
            const rows = padded(candidate(createRandom(seed), 1), candidates, real)
            const empty = firstRows(await rank(rows), candidates, real)

            for (const scale of scales) {
              const rest = candidate(createRandom(seed + 1), scale)
              const scores = await rank(joined(rows, rest, candidates, real))
              assert.deepEqual(firstRows(scores, candidates, real), empty, `scale ${scale}`)
            }
            await close()
          },
        ),
        { numRuns: runs },
      )
    })
  }
}

/** Ranks candidates of one request, with random weights and tables. */
async function scoring(device: Device, kind: number, wide: boolean, candidates: number, seed: number) {
  const definition = wholeRanker({ architecture: (wide ? wideArchitectures : smallArchitectures)[kind]! })
  const network = createNetwork(definition, wholeStatistics)
  const { layout, parameters } = network
  const calibrations = definition.tasks.map(() => ({ scale: 1.5, shift: -0.25 }))
  const program = record(scoringStep(definition, network, calibrations, candidates))
  const random = createRandom(seed)
  const draw = (length: number) => Float32Array.from({ length }, random.normal)
  const dense = parameters.initialize(createRandom(seed))
  const sideOf = (name: 'request' | 'candidate', places: number, from: Random, scale: number): Feeds => {
    const { weights, numbers, present } = randomSide(layout[name], places, widths, from)
    const rows = Int32Array.from({ length: weights.length }, () => Math.floor(from.uniform() * layout.tableRows))
    const scaled = numbers.map((value) => value * scale)
    return Object.fromEntries(
      Object.entries({ rows, weights, numbers: scaled, present }).map(([part, values]) => [`${name}.${part}`, values]),
    )
  }
  const fixed: Feeds = {
    ...sideOf('request', 1, random, 1),
    ...Object.fromEntries(
      parameters.parameters.map(({ name, offset, size }) => [name, dense.subarray(offset, offset + size)]),
    ),
    [deepTable]: draw(layout.tableRows * widths.dimension).fill(0, 0, widths.dimension),
    [wideTable]: draw(layout.tableRows * widths.tasks).fill(0, 0, widths.tasks),
  }
  const session = await device.open(program, { threads: 1 })
  return {
    candidate: (from: Random, scale: number) => sideOf('candidate', candidates, from, scale),
    rank: async (feeds: Feeds) => (await session.run({ ...fixed, ...feeds })).scores!.slice(),
    close: () => session.close(),
  }
}
