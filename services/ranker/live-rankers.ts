import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { definitionHash } from '../../models/spec/definition-hash.ts'
import { Fault } from '../../models/spec/fault.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { Activation, BlobStore, ModelVersion, VersionRegistry } from '../../pipelines/promotion/ports.ts'
import type { Scorer } from '../../pipelines/ranking/rank.ts'
import { fetchVersion } from '../adapters/blobs/version-folder.ts'
import type { ScoringThread } from './scoring/scoring-thread.ts'

export interface RankerState {
  readonly ranker: string
  readonly definitionHash: string
  readonly tasks: readonly string[]
  /** What serves; null where nothing does yet. */
  readonly modelVersion: string | null
  /** Why the newest activation does not serve. */
  readonly fault: Fault | null
}

/** What serves now, by ranker. It follows the registry; a version that does not open never replaces one that does. */
export interface LiveRankers {
  /**
   * Does `work` with what serves `ranker` (may be left out where there is one); the version stays open until it is done.
   * Faults `RANKER_UNKNOWN`, `RANKER_NOT_READY`, `SCORING_STOPPED`.
   */
  use<Result>(ranker: string | undefined, work: (scorer: Scorer) => Promise<Result>): Promise<Result>
  /** Brings what serves in line with the registry. */
  follow(): Promise<void>
  /** Opens a version, then records its activation, then serves it. Fault `VERSION_UNKNOWN`, and those of opening. */
  activate(version: string, reason: string): Promise<Activation>
  states(): readonly RankerState[]
  close(): Promise<void>
}

export interface LiveRankersContext {
  readonly definitions: readonly RankerDefinition[]
  readonly registry: VersionRegistry
  readonly blobs: BlobStore
  /** Holds the files of what serves; belongs to this process. */
  readonly folder: string
  startScoring(onStopped: (fault: Fault) => void): ScoringThread
  nowMs(): number
  onFault(fault: Fault): void
}

interface Serving {
  readonly scorer: Scorer
  /** Its files, as the scoring thread knows them. */
  readonly folder: string
  users: number
  onIdle: (() => void) | null
}

interface Failure {
  readonly version: string
  readonly fault: Fault
  readonly tries: number
}

/** A version that the thread keeps dying of must not take down, again and again, what serves. */
const mostTries = 3

export async function createLiveRankers(context: LiveRankersContext): Promise<LiveRankers> {
  const { definitions, registry, blobs, folder } = context
  const serving = new Map<string, Serving>()
  const faults = new Map<string, Failure>()
  await rm(folder, { recursive: true, force: true })
  let isClosing = false
  /** Set from when the thread died until another serves the same versions. */
  let stopped: Fault | null = null
  let openings = 0
  let thread = context.startScoring(onStopped)
  let last: Promise<unknown> = Promise.resolve()
  /** Changes of what serves happen one after the other. */
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const done = last.then(work)
    last = done.catch(() => {})
    return done
  }

  function onStopped(fault: Fault): void {
    context.onFault(fault)
    stopped = fault
    void inTurn(async () => {
      if (isClosing) return
      thread = context.startScoring(onStopped)
      for (const [ranker, { folder: opened, scorer }] of serving) await reopen(ranker, opened, scorer.version)
      stopped = null
    }).catch((error: Fault) => context.onFault(error))
  }

  /** A version that does not open a second time serves no more; the others do. */
  async function reopen(ranker: string, opened: string, version: string): Promise<void> {
    try {
      await thread.open(opened)
    } catch (error) {
      if (!(error instanceof Fault) || error.retry) throw error
      serving.delete(ranker)
      faults.set(ranker, { version, fault: error, tries: mostTries })
      context.onFault(error)
    }
  }

  async function open(version: ModelVersion): Promise<Serving> {
    // Each opening has files of its own: the same version may still be drained, and removed, from an earlier one.
    const parent = join(folder, String(openings++))
    const opened = await fetchVersion(blobs, version, parent)
      .then(async (fetched) => {
        await thread.open(fetched)
        return fetched
      })
      .catch(async (error) => {
        await rm(parent, { recursive: true, force: true })
        throw error
      })
    const configured = definitions.find(({ name }) => name === version.ranker)!
    // Weights of the blend are not part of a version: those that are configured now count.
    const isSame = definitionHash(configured) === version.definitionHash
    const scorer: Scorer = {
      version: version.version,
      definitionHash: version.definitionHash,
      definition: isSame ? configured : version.definition,
      score: (input) => thread.score(opened, input),
    }
    return { scorer, folder: opened, users: 0, onIdle: null }
  }

  /** New requests go to `next` at once; the one before it closes when its last request is answered. */
  function flip(ranker: string, next: Serving): void {
    const previous = serving.get(ranker)
    serving.set(ranker, next)
    faults.delete(ranker)
    if (previous === undefined) return
    if (previous.users === 0) release(previous)
    else previous.onIdle = () => release(previous)
  }

  function release({ folder: opened }: Serving): void {
    void thread
      .closeVersion(opened)
      .catch((error: Fault) => context.onFault(error))
      .finally(() => rm(dirname(opened), { recursive: true, force: true }))
      .catch((error: Fault) => context.onFault(error))
  }

  async function followOne(ranker: string): Promise<void> {
    const activation = await registry.active(ranker)
    if (activation === null) return
    if (serving.get(ranker)?.scorer.version === activation.version) return void faults.delete(ranker)
    const failure = faults.get(ranker)
    const tries = failure?.version === activation.version ? failure.tries : 0
    if (tries === mostTries) return
    try {
      flip(ranker, await open(await find(activation.version)))
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      faults.set(ranker, { version: activation.version, fault: error, tries: error.retry ? tries + 1 : mostTries })
      context.onFault(error)
    }
  }

  async function find(version: string): Promise<ModelVersion> {
    const found = await registry.find(version)
    if (found !== null && definitions.some(({ name }) => name === found.ranker)) return found
    throw new Fault('VERSION_UNKNOWN', `There is no version "${version}"; GET /v1/models lists them.`, {
      path: '/version',
      status: 404,
    })
  }

  return {
    async use(ranker, work) {
      const current = currentOf(ranker)
      current.users++
      try {
        return await work(current.scorer)
      } finally {
        current.users--
        if (current.users === 0) current.onIdle?.()
      }
    },
    follow: () =>
      inTurn(async () => {
        for (const { name } of definitions) await followOne(name)
      }),
    activate: (version, reason) =>
      inTurn(async () => {
        const found = await find(version)
        const isServing = serving.get(found.ranker)?.scorer.version === version
        const next = isServing ? null : await open(found)
        const activation = { ranker: found.ranker, version, reason, activatedAtMs: context.nowMs() }
        await registry.activate(activation).catch((error) => {
          if (next !== null) release(next)
          throw error
        })
        if (next === null) faults.delete(found.ranker)
        else flip(found.ranker, next)
        return activation
      }),
    states: () =>
      definitions.map((definition) => ({
        ranker: definition.name,
        definitionHash: definitionHash(definition),
        tasks: definition.tasks.map(({ name }) => name),
        modelVersion: stopped === null ? (serving.get(definition.name)?.scorer.version ?? null) : null,
        fault: stopped ?? faults.get(definition.name)?.fault ?? null,
      })),
    async close() {
      isClosing = true
      await last
      await thread.close()
    },
  }

  function currentOf(ranker: string | undefined): Serving {
    const names = definitions.map(({ name }) => name)
    const name = ranker ?? (names.length === 1 ? names[0]! : undefined)
    if (name === undefined || !names.includes(name)) {
      throw new Fault('RANKER_UNKNOWN', `"ranker" must be one of ${names.join(', ')}.`, {
        path: '/ranker',
        status: 404,
      })
    }
    if (stopped !== null) throw stopped
    const current = serving.get(name)
    if (current !== undefined) return current
    throw new Fault(
      'RANKER_NOT_READY',
      `Ranker "${name}" has no version that serves yet. Send events to POST /v1/events, then train with POST /v1/jobs.`,
      { status: 503, retry: true },
    )
  }
}
