import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { cpu, openOnnxFile } from '../../../models/engine/cpu.ts'
import type { Device } from '../../../models/engine/device.ts'
import type { ServingPrecision } from '../../../models/spec/engine-settings.ts'
import { Fault } from '../../../models/spec/fault.ts'
import type { RankingInput } from '../../../models/spec/slate.ts'
import { type GraphScorer, openGraphs } from '../../../pipelines/training/graph-scorer.ts'
import { int8GraphFile, type Manifest, manifestFile, versionOf } from '../../../pipelines/training/version.ts'
import { openGraph } from './open-graph.ts'

/** A version whose files are verified, whose golden scores are reproduced, and whose every graph has run once. */
export interface OpenedVersion {
  readonly precision: ServingPrecision
  /** For the log: that it scores in another precision than was asked for, and why. */
  readonly notes: readonly string[]
  /** [candidates, tasks]. One call at a time: its buffers are used again. */
  score(input: RankingInput): Promise<Float32Array>
  close(): Promise<void>
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

export interface OpeningOptions {
  /** `cpu` where it is left out. */
  readonly device?: Device
  /** Where the version, or the device, has no `int8`, it scores in `float32` and says so. */
  readonly precision?: ServingPrecision
}

/** Faults `VERSION_CORRUPT` and `VERSION_GOLDEN_MISMATCH`; nothing stays open then. */
export async function openVersion(
  folder: string,
  threads: number,
  { device = cpu, precision: asked = 'float32' }: OpeningOptions = {},
): Promise<OpenedVersion> {
  const manifest = await readManifest(folder)
  await verifyFiles(folder, manifest)
  const { golden } = manifest
  const precision = golden.int8Scores === undefined || device.name !== 'cpu' ? 'float32' : asked
  let scorer: GraphScorer | undefined
  try {
    scorer = await openGraphs(manifest, (bucket) =>
      precision === 'int8'
        ? openOnnxFile(join(folder, int8GraphFile(bucket)), { threads })
        : openGraph(folder, manifest, bucket, device, threads),
    )
    await scorer.warm(golden.inputs[0])
    await checkGolden(folder, manifest, precision, scorer)
    return { precision, notes: notesOf(manifest, device, asked, precision), score: scorer.score, close: scorer.close }
  } catch (error) {
    await scorer?.close()
    throw error instanceof Fault
      ? error
      : corrupt(folder, 'a graph', `does not load (${(error as Error).message})`, error)
  }
}

function notesOf(
  { version, quantization }: Manifest,
  { name }: Device,
  asked: ServingPrecision,
  precision: ServingPrecision,
): string[] {
  if (asked === precision) return []
  const why =
    name !== 'cpu'
      ? `the device ${name} has no ${asked}`
      : (quantization?.refusals.join('; ') ?? 'it was trained before int8 was asked for; train again')
  return [`Version ${version} is served in ${precision}, not in ${asked}: ${why}.`]
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

/**
 * An input that differs in its last bit may be quantised to another whole number, so int8 scores of another kind of
 * processor may differ by a little of what quantising changes; none by more than that was ever seen to.
 */
function toleranceOf({ quantization }: Manifest, task: string, precision: ServingPrecision): number {
  return precision === 'int8' ? goldenTolerance + quantization!.scoreChanges[task]!.most : goldenTolerance
}

/** Of values beyond 1 the tolerance is a share: float32 itself is only that fine. */
export const isGolden = (found: number, wanted: number, tolerance: number): boolean =>
  Math.abs(found - wanted) <= tolerance * Math.max(1, Math.abs(wanted))

async function checkGolden(
  folder: string,
  manifest: Manifest,
  precision: ServingPrecision,
  { score }: GraphScorer,
): Promise<void> {
  const { golden, definition } = manifest
  const tolerances = definition.tasks.map(({ name }) => toleranceOf(manifest, name, precision))
  for (const [i, input] of golden.inputs.entries()) {
    const scores = await score(input)
    const wanted = (precision === 'int8' ? golden.int8Scores! : golden.scores)[i]!
    const isSame =
      scores.length === wanted.length &&
      scores.every((value, at) => isGolden(value, wanted[at]!, tolerances[at % tolerances.length]!))
    if (!isSame) {
      throw new Fault(
        'VERSION_GOLDEN_MISMATCH',
        `The version in ${folder} does not give the scores it was published with; what served before goes on serving. Report this, with the machine's processor.`,
        { path: folder, status: 409 },
      )
    }
  }
}
