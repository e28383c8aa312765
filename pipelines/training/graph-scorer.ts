import type { Session } from '../../models/engine/device.ts'
import type { Batch } from '../../models/spec/batch.ts'
import { createEncoder, type Encoder, emptyBatch } from '../../models/spec/encoder.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { RankingInput } from '../../models/spec/slate.ts'
import type { Statistics } from '../../models/spec/statistics.ts'

/** Scores requests with a version's graphs. */
export interface GraphScorer {
  /** [candidates, tasks]. One call at a time: its buffers are used again. */
  score(input: RankingInput): Promise<Float32Array>
  /** Runs every graph once. */
  warm(input: RankingInput | undefined): Promise<void>
  close(): Promise<void>
}

export interface GraphSet {
  readonly definition: RankerDefinition
  readonly statistics: Statistics
  /** Candidates that each graph scores, ascending. */
  readonly buckets: readonly number[]
}

interface Bucket {
  readonly size: number
  readonly session: Session
  readonly batch: Batch
}

/** Opens the graph of each bucket; where one does not open, none stays open. */
export async function openGraphs(
  { definition, statistics, buckets: sizes }: GraphSet,
  open: (bucket: number) => Promise<Session>,
): Promise<GraphScorer> {
  const encoder = createEncoder(definition, statistics)
  const buckets: Bucket[] = []
  const close = async () => {
    for (const { session } of buckets) await session.close()
  }
  try {
    for (const size of sizes) {
      const session = await open(size)
      buckets.push({ size, session, batch: emptyBatch(encoder.layout, { requests: 1, candidates: size }) })
    }
  } catch (error) {
    await close()
    throw error
  }
  return {
    score: (input) => scoreInput(input, encoder, buckets, definition.tasks.length),
    async warm(input) {
      for (const { size, batch, session } of buckets) {
        if (input !== undefined) encoder.encode([{ ...input, candidates: input.candidates.slice(0, size) }], batch)
        await session.run(feedsOf(batch))
      }
    },
    close,
  }
}

/** Candidates go by the smallest graph that fits them, and by several of the largest where none does. */
async function scoreInput(
  input: RankingInput,
  encoder: Encoder,
  buckets: readonly Bucket[],
  tasks: number,
): Promise<Float32Array> {
  const scores = new Float32Array(input.candidates.length * tasks)
  const largest = buckets.at(-1)!
  for (let from = 0; from < input.candidates.length; from += largest.size) {
    const candidates = input.candidates.slice(from, from + largest.size)
    const bucket = buckets.find(({ size }) => size >= candidates.length)!
    encoder.encode([{ ...input, candidates }], bucket.batch)
    const outputs = await bucket.session.run(feedsOf(bucket.batch))
    scores.set((outputs.scores as Float32Array).subarray(0, candidates.length * tasks), from * tasks)
  }
  return scores
}

function feedsOf(batch: Batch): Record<string, Float32Array | Int32Array> {
  return Object.fromEntries(
    (['request', 'candidate'] as const).flatMap((side) =>
      (['rows', 'weights', 'numbers', 'present'] as const).map((part) => [`${side}.${part}`, batch[side][part]]),
    ),
  )
}
