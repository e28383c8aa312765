import { createRandom } from '../../models/engine/random.ts'
import type { RankingInput } from '../../models/spec/slate.ts'
import type { JobResult } from '../training/jobs.ts'
import type { TrainedVersion } from '../training/train.ts'
import { type Manifest, manifestFile } from '../training/version.ts'
import { type ChampionScores, collectEvidence } from './evidence.ts'
import { defaultGateLimits, gate } from './gate.ts'
import type { BlobStore, VersionFile, VersionRegistry } from './ports.ts'

/** The version that serves, opened. */
export interface Champion {
  readonly version: string
  readonly tasks: readonly string[]
  readonly trainedToMs: number
  /** [candidates, tasks] */
  score(input: RankingInput): Promise<Float32Array>
}

export interface PromotionContext {
  /** Of a trained version, the slice it was measured on. */
  readonly trained: Pick<TrainedVersion, 'holdout'>
  readonly manifest: Manifest
  /** Where a file of the written version is. */
  fileOf(name: string): string
  readonly champion: Champion | null
  readonly registry: VersionRegistry
  readonly blobs: BlobStore
  /** When training began to read. */
  readonly readAtMs: number
  nowMs(): number
}

/** Publishes a trained version, and activates it if the gate lets it through. Doing it twice does it once. */
export async function promote(context: PromotionContext): Promise<JobResult> {
  const { trained, manifest, champion, registry } = context
  const { ranker, definition, version } = manifest
  const scores = champion === null ? null : await scoreHoldout(trained, champion)
  const random = createRandom(definition.training.seed).fork('evidence')
  const verdict = gate(collectEvidence(definition.tasks, trained.holdout, scores, random), defaultGateLimits)
  await registry.publish({
    ...manifest,
    files: await storeFiles(context),
    readAtMs: context.readAtMs,
    createdAtMs: context.nowMs(),
  })
  const isActive = (await registry.active(ranker))?.version === version
  if (verdict.promote && !isActive) {
    const reason =
      champion !== null
        ? `passed the gate against ${champion.version}`
        : manifest.parent === null
          ? 'first version'
          : `replaces ${manifest.parent}, which does not open any more`
    await registry.activate({ ranker, version, reason, activatedAtMs: context.nowMs() })
  }
  return { version, activated: verdict.promote, reasons: verdict.reasons }
}

async function storeFiles({ manifest, fileOf, blobs }: PromotionContext): Promise<VersionFile[]> {
  const files: VersionFile[] = []
  for (const name of [...manifest.files.map((file) => file.name), manifestFile]) {
    files.push({ name, ...(await blobs.put(fileOf(name))) })
  }
  return files
}

/** The champion scores what the challenger was measured on: the same slates, the same impressions. */
async function scoreHoldout({ holdout }: PromotionContext['trained'], champion: Champion): Promise<ChampionScores> {
  const scores = new Float32Array(holdout.users.length * champion.tasks.length)
  let [example, unseenFrom] = [0, 0]
  for (const { input, impressions } of holdout.slates) {
    const candidates = impressions.map(({ candidate }) => input.candidates[candidate]!)
    scores.set(await champion.score({ ...input, candidates }), example * champion.tasks.length)
    example += impressions.length
    if (input.occurredAtMs < champion.trainedToMs) unseenFrom = example
  }
  return { tasks: champion.tasks, scores, unseenFrom }
}
