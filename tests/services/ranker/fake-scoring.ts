import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { after } from 'node:test'
import { definitionHash } from '../../../models/spec/definition-hash.ts'
import { Fault } from '../../../models/spec/fault.ts'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import type { RankingInput } from '../../../models/spec/slate.ts'
import type { Activation, ModelVersion } from '../../../pipelines/promotion/ports.ts'
import { createLiveRankers, type LiveRankers } from '../../../services/ranker/live-rankers.ts'
import type { ScoringThread } from '../../../services/ranker/scoring/scoring-thread.ts'
import { smallRanker } from '../../flows/small-world.ts'

export const anInput: RankingInput = {
  userId: 'u',
  occurredAtMs: 0,
  user: {},
  context: {},
  history: [],
  userTally: null,
  candidates: [{ itemId: 'i', features: {}, tally: null, userItemTally: null }],
}

/** A scoring thread that opens what is there, and can die. */
export interface FakeThread extends ScoringThread {
  /** Folders that are open. */
  readonly openFolders: ReadonlySet<string>
  readonly isClosed: boolean
  die(): void
}

export interface LiveWorld {
  readonly live: LiveRankers
  /** What happened, in order: `open v1`, `close v1`, `activate v1`, `start`. */
  readonly log: string[]
  readonly threads: readonly FakeThread[]
  readonly faults: readonly Fault[]
  readonly folder: string
  activate(version: string): void
  /** Opening this version fails with what `fault` makes, until it makes null. */
  failOpening(version: string, fault: () => Fault | null): void
  failActivation(fault: Fault | null): void
  /** Opening waits for this. */
  holdOpening(until: Promise<void>): void
}

export const stoppedFault = () => new Fault('SCORING_STOPPED', 'It ended.', { status: 503, retry: true })

const aVersion = (version: string, { ...definition }: RankerDefinition): ModelVersion => ({
  version,
  ranker: definition.name,
  definitionHash: definitionHash(definition),
  definition,
  parent: null,
  metrics: {},
  trainedFromMs: 0,
  trainedToMs: 0,
  examples: 0,
  files: [{ name: 'weights', sha256: version, sizeBytes: 1 }],
  readAtMs: 0,
  createdAtMs: 0,
})

/**
 * Live rankers over fakes. Versions `v1`, `v2`, ... are of the first definition, `v-wide` of the first as it was when
 * its trunk was wider, `w1` of the second, `old1` of a ranker that is gone.
 */
export async function liveWorld(definitions: readonly RankerDefinition[] = [smallRanker]): Promise<LiveWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'polyrank-'))
  const log: string[] = []
  const threads: FakeThread[] = []
  const faults: Fault[] = []
  const activations: Activation[] = []
  const openingFaults = new Map<string, () => Fault | null>()
  let activationFault: Fault | null = null
  let opening: Promise<void> = Promise.resolve()
  const wide = { ...definitions[0]!, trunk: { ...definitions[0]!.trunk, dimension: 99 } }
  const definitionOf = (version: string) =>
    version === 'v-wide'
      ? wide
      : version.startsWith('v')
        ? definitions[0]
        : version.startsWith('w')
          ? definitions[1]
          : undefined

  function startScoring(onStopped: (fault: Fault) => void): FakeThread {
    log.push('start')
    const opened = new Set<string>()
    let [isClosed, isDead] = [false, false]
    const refuseDead = () => {
      if (isDead || isClosed) throw stoppedFault()
    }
    const thread: FakeThread = {
      openFolders: opened,
      get isClosed() {
        return isClosed
      },
      die() {
        isDead = true
        opened.clear()
        onStopped(stoppedFault())
      },
      async open(at) {
        refuseDead()
        await opening
        refuseDead()
        log.push(`open ${basename(at)}`)
        const fault = openingFaults.get(basename(at))?.() ?? null
        if (fault !== null) throw fault
        if (!existsSync(join(at, 'weights'))) throw new Fault('VERSION_CORRUPT', 'weights is gone.', { status: 409 })
        opened.add(at)
      },
      async score(at) {
        refuseDead()
        if (!opened.has(at)) throw new Fault('SCORING_NOT_OPEN', `${at} is not open`)
        return Float32Array.of(1)
      },
      async closeVersion(at) {
        refuseDead()
        log.push(`close ${basename(at)}`)
        opened.delete(at)
      },
      async close() {
        isClosed = true
      },
    }
    threads.push(thread)
    return thread
  }

  const live = await createLiveRankers({
    definitions,
    registry: {
      publish: async () => {},
      list: async () => [],
      find: async (version) => {
        if (version.startsWith('old')) return aVersion(version, { ...smallRanker, name: 'gone' })
        const definition = definitionOf(version)
        return definition === undefined ? null : aVersion(version, definition)
      },
      active: async (ranker) => activations.findLast((activation) => activation.ranker === ranker) ?? null,
      activate: async (activation) => {
        log.push(`activate ${activation.version}`)
        if (activationFault !== null) throw activationFault
        activations.push(activation)
      },
    },
    blobs: {
      put: async () => ({ sha256: '', sizeBytes: 0 }),
      async fetch(_hash, target) {
        await mkdir(dirname(target), { recursive: true })
        await writeFile(target, 'w')
      },
    },
    folder: join(folder, 'serving'),
    startScoring,
    nowMs: () => 7,
    onFault: (fault) => void faults.push(fault),
  })
  after(async () => {
    await live.close()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    live,
    log,
    threads,
    faults,
    folder: join(folder, 'serving'),
    activate: (version) =>
      void activations.push({ ranker: definitionOf(version)!.name, version, reason: 'elsewhere', activatedAtMs: 0 }),
    failOpening: (version, fault) => void openingFaults.set(version, fault),
    failActivation: (fault) => {
      activationFault = fault
    },
    holdOpening: (until) => {
      opening = until
    },
  }
}

/** A promise and what keeps it. */
export function promised(): { readonly promise: Promise<void>; keep(): void } {
  let keep = () => {}
  const promise = new Promise<void>((resolve) => {
    keep = resolve
  })
  return { promise, keep: () => keep() }
}
