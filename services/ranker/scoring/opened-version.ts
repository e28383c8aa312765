import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { openOnnxFile } from '../../../models/engine/cpu.ts'
import type { Session } from '../../../models/engine/device.ts'
import type { Batch } from '../../../models/spec/batch.ts'
import { createEncoder, type Encoder, emptyBatch } from '../../../models/spec/encoder.ts'
import { Fault } from '../../../models/spec/fault.ts'
import type { RankingInput } from '../../../models/spec/slate.ts'
import { graphFile, type Manifest, manifestFile, versionOf } from '../../../pipelines/training/version.ts'

/** A version whose files are verified, whose golden scores are reproduced, and whose every graph has run once. */
export interface OpenedVersion {
  /** [candidates, tasks]. One call at a time: its buffers are used again. */
  score(input: RankingInput): Promise<Float32Array>
  close(): Promise<void>
}

interface Bucket {
  readonly size: number
  readonly session: Session
  readonly batch: Batch
}

const goldenTolerance = 1e-5

export const readManifest = async (folder: string): Promise<Manifest> => {
  let manifest: Manifest
  try {
    manifest = JSON.parse(await readFile(join(folder, manifestFile), 'utf8')) as Manifest
  } catch (cause) {
    throw corrupt(folder, manifestFile, 'cannot be read', cause)
  }
  const { version, ...core } = manifest ?? {}
  if (version !== versionOf(core))
    throw corrupt(folder, manifestFile, 'does not have the content that its version is named after')
  return manifest
}

const corrupt = (folder: string, file: string, what: string, cause?: unknown) =>
  new Fault(
    'VERSION_CORRUPT',
    `${file} of the version in ${folder} ${what}; what served before goes on serving. Train again, or activate another version.`,
    {
      path: join(folder, file),
      status: 409,
      cause,
    },
  )

/** Faults `VERSION_CORRUPT` and `VERSION_GOLDEN_MISMATCH`; nothing stays open then. */
export async function openVersion(folder: string, threads: number): Promise<OpenedVersion> {
  const manifest = await readManifest(folder)
  await verifyFiles(folder, manifest)
  const encoder = createEncoder(manifest.definition, manifest.statistics)
  const buckets: Bucket[] = []
  const close = async () => {
    for (const { session } of buckets) await session.close()
  }
  try {
    for (const size of manifest.buckets) {
      const session = await openOnnxFile(join(folder, graphFile(size)), { threads })
      buckets.push({ size, session, batch: emptyBatch(encoder.layout, { requests: 1, candidates: size }) })
    }
    const score = (input: RankingInput) => scoreInput(input, encoder, buckets, manifest.definition.tasks.length)
    await warm(manifest, buckets, encoder)
    await checkGolden(folder, manifest, score)
    return { score, close }
  } catch (error) {
    await close()
    throw error instanceof Fault
      ? error
      : corrupt(folder, 'a graph', `does not load (${(error as Error).message})`, error)
  }
}

async function verifyFiles(folder: string, { files }: Manifest): Promise<void> {
  for (const { name, sha256 } of files) {
    const hash = createHash('sha256')
    await pipeline(createReadStream(join(folder, name)), hash).catch((cause) => {
      throw corrupt(folder, name, 'cannot be read', cause)
    })
    if (hash.digest('hex') !== sha256) throw corrupt(folder, name, 'does not have the hash that its manifest says')
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
    const bucket = buckets.find(({ size }) => size >= candidates.length) ?? largest
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

async function warm({ golden }: Manifest, buckets: readonly Bucket[], encoder: Encoder): Promise<void> {
  for (const { size, batch, session } of buckets) {
    const inputs = golden.inputs.slice(0, 1).map((input) => ({ ...input, candidates: input.candidates.slice(0, size) }))
    encoder.encode(inputs, batch)
    await session.run(feedsOf(batch))
  }
}

async function checkGolden(
  folder: string,
  { golden }: Manifest,
  score: (input: RankingInput) => Promise<Float32Array>,
): Promise<void> {
  for (const [i, input] of golden.inputs.entries()) {
    const scores = await score(input)
    const wanted = golden.scores[i]!
    const isSame =
      scores.length === wanted.length && scores.every((value, at) => Math.abs(value - wanted[at]!) <= goldenTolerance)
    if (!isSame) {
      throw new Fault(
        'VERSION_GOLDEN_MISMATCH',
        `The version in ${folder} does not give the scores it was published with; what served before goes on serving. Report this, with the machine's processor.`,
        { path: folder, status: 409 },
      )
    }
  }
}
