import { join } from 'node:path'
import { cpu, openOnnxFile } from '../../../models/engine/cpu.ts'
import { createRandom, type Random } from '../../../models/engine/random.ts'
import { defineRanker } from '../../../models/spec/define-ranker.ts'
import type { QuantizationBounds } from '../../../models/spec/engine-settings.ts'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import type { Candidate, RankingInput, SlateExamples, Tally } from '../../../models/spec/slate.ts'
import type { TrainedWeights } from '../../../pipelines/training/fit.ts'
import type { ExampleSource } from '../../../pipelines/training/ports.ts'
import { train } from '../../../pipelines/training/train.ts'
import { type Manifest, writeVersion } from '../../../pipelines/training/version.ts'
import { createVersionFolder } from '../../../services/adapters/blobs/version-folder.ts'
import { temporaryFolder } from '../../flows/process.ts'
import { smallRanker } from '../../flows/small-world.ts'

export interface SmallVersion {
  readonly folder: string
  readonly manifest: Manifest
  readonly weights: TrainedWeights
}

/** The small ranker, trained for two passes. */
export const quickRanker = defineRanker({ ...smallRanker, training: { ...smallRanker.training, epochs: 2 } })
const [slates, slateSize, items, genres] = [120, 5, 40, 4]
const startMs = 1_700_000_000_000

const pick = (random: Random, count: number) => Math.floor(random.uniform() * count)

export function aCandidate(random: Random, item = pick(random, items)): Candidate {
  const impressions = pick(random, 50)
  const tally: Tally = { impressions, feedback: { click: pick(random, impressions + 1) }, lastImpressionAtMs: startMs }
  return {
    itemId: `i${item}`,
    features: item % 7 === 0 ? {} : { genre: `g${item % genres}` },
    tally: item % 5 === 0 ? null : tally,
    userItemTally: null,
  }
}

/** A request with every feature of the ranker, some of them missing. */
export function anInput(random: Random, size: number, occurredAtMs = startMs): RankingInput {
  const user = pick(random, 30)
  return {
    userId: `u${user}`,
    occurredAtMs,
    user: user % 6 === 0 ? {} : { taste: `g${user % genres}` },
    context: {},
    history: Array.from({ length: pick(random, 4) }, (_, i) => ({
      itemId: `i${i}`,
      occurredAtMs: startMs - 1_000 + i,
      kind: 'click',
      features: { genre: `g${pick(random, genres)}` },
    })),
    userTally: null,
    candidates: Array.from({ length: size }, () => aCandidate(random)),
  }
}

function examplesOf(random: Random, size: number): SlateExamples[] {
  return Array.from({ length: slates }, (_, s) => {
    const occurredAtMs = startMs + s * 1_000
    const input = anInput(random, size, occurredAtMs)
    return {
      slateId: `s${s}`,
      input,
      impressions: input.candidates.map(({ itemId }, candidate) => {
        const isClicked = random.uniform() < (Number(itemId.slice(1)) % genres === 0 ? 0.8 : 0.2)
        const feedback = [
          { kind: 'click', value: null, occurredAtMs },
          { kind: 'watch', value: pick(random, 60), occurredAtMs },
        ]
        return { candidate, position: candidate, feedback: isClicked ? feedback : [] }
      }),
      watermarkMs: Number.MAX_SAFE_INTEGER,
    }
  })
}

/** Examples of the small ranker, in memory; those of one seed are always the same. */
export function smallSource(impressionsOfSlate = slateSize, seed = 5): ExampleSource {
  const all = examplesOf(createRandom(seed), impressionsOfSlate)
  const range = { fromMs: startMs, toMs: startMs + slates * 1_000, impressions: slates * impressionsOfSlate }
  return {
    range: async () => range,
    async *read() {
      yield all
    },
  }
}

/** The same, wide enough to gain from int8. */
export const wideRanker = defineRanker({
  ...quickRanker,
  architecture: { kind: 'mmoe', experts: 2, hidden: 96, tower: 8 },
})

/** A version that knows little, trained in about a second, in a folder that is gone after the file's tests. */
export async function smallVersion(
  impressionsOfSlate = slateSize,
  definition: RankerDefinition = quickRanker,
  bounds?: QuantizationBounds,
): Promise<SmallVersion> {
  const trained = await train({
    definition,
    source: smallSource(impressionsOfSlate),
    device: cpu,
    threads: 1,
    parent: null,
    report: () => {},
  })
  const folder = temporaryFolder()
  const { content, network, weights, holdout } = trained
  const open = (graph: string) => openOnnxFile(join(folder, graph), { threads: 1 })
  const quantization = bounds === undefined ? undefined : { bounds, unseen: holdout, open }
  const files = await createVersionFolder(folder)
  return { folder, weights, manifest: await writeVersion(files, content, network, weights, quantization) }
}
