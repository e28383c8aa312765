import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { kuairandCounters } from '../../models/presets/kuairand.ts'
import { type EngineSettings, readEngineSettings } from '../../models/spec/engine-settings.ts'
import { Fault } from '../../models/spec/fault.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import { type EventSettings, readEventSettings } from '../../pipelines/ingest/event-settings.ts'

export interface Config {
  readonly rankers: readonly RankerDefinition[]
  /** What trains and serves them. */
  readonly engine: EngineSettings
  /** How long events are waited for and kept. */
  readonly events: EventSettings
  /** Where the rankers came from: a file, or the bundled sample's definition. */
  readonly from: { readonly kind: 'file'; readonly path: string } | { readonly kind: 'sample' }
}

const example = 'export const rankers = [defineRanker({ ... })]'

/**
 * The rankers, the engine and the events of `polyrank.config.ts` in `folder`: its named exports `rankers`, `engine` and
 * `events`. Without such a file, or where it exports no rankers but one of the others, the ranker is the one of the bundled
 * sample. Faults `CONFIG_INVALID`, and those of `defineRanker`; both name the file.
 */
export async function loadConfig(folder: string): Promise<Config> {
  const path = resolve(folder, 'polyrank.config.ts')
  const sample = { rankers: [kuairandCounters], from: { kind: 'sample' } } as const
  if (!existsSync(path)) return { ...sample, engine: readEngineSettings(), events: readEventSettings() }
  const exported = await exportsOf(path)
  const engine = settingsOf(() => readEngineSettings(exported.engine), path)
  const events = settingsOf(() => readEventSettings(exported.events), path)
  const named = Object.keys(exported).filter((name) => !interop.has(name))
  if (named.length > 0 && named.every((name) => name === 'engine' || name === 'events'))
    return { ...sample, engine, events }
  return { rankers: rankersOf(exported, path), engine, events, from: { kind: 'file', path } }
}

interface Exports {
  readonly rankers?: unknown
  readonly engine?: unknown
  readonly events?: unknown
}

/** Names that a file compiled for CommonJS exports by itself. */
const interop = new Set(['default', 'module.exports', '__esModule'])

function settingsOf<Settings>(read: () => Settings, file: string): Settings {
  try {
    return read()
  } catch (error) {
    if (!isFault(error)) throw error
    throw new Fault(error.code, `${file}: ${error.message}`, { path: error.path ?? file, status: 400, cause: error })
  }
}

function rankersOf({ rankers }: Exports, path: string): readonly RankerDefinition[] {
  const invalid = (message: string): never => {
    throw new Fault('CONFIG_INVALID', `${path}: ${message}`, { path })
  }
  if (!Array.isArray(rankers) || rankers.length === 0) {
    return invalid(`it must export \`rankers\`, a list of what \`defineRanker\` returns: ${example}`)
  }
  const stranger = rankers.findIndex((each) => !isDefinition(each))
  if (stranger !== -1) invalid(`rankers[${stranger}] is not what \`defineRanker\` returns: ${example}`)
  const definitions: readonly RankerDefinition[] = rankers
  const repeated = definitions.find(({ name }, i) => definitions.findIndex((other) => other.name === name) !== i)
  if (repeated !== undefined) invalid(`two rankers are named "${repeated.name}"; rename one of them.`)
  return definitions
}

async function exportsOf(path: string): Promise<Exports> {
  try {
    return await import(pathToFileURL(path).href)
  } catch (error) {
    if (!isFault(error)) {
      throw new Fault('CONFIG_INVALID', `${path} cannot be loaded: ${(error as Error).message}`, { path, cause: error })
    }
    const { code, message, path: at } = error
    throw new Fault(code, `${path}: at ${at ?? 'the top'} of the ranker: ${message}`, {
      path: at ?? path,
      status: error.status,
      cause: error,
    })
  }
}

/** The file may have been loaded with a `Fault` of its own, which is no instance of this one. */
const isFault = (error: unknown): error is Fault =>
  error instanceof Error && error.name === 'Fault' && typeof (error as Fault).code === 'string'

const isDefinition = (value: unknown): value is RankerDefinition => {
  const { name, features, tasks, trunk, architecture, training } = (value ?? {}) as Partial<RankerDefinition>
  return (
    typeof name === 'string' &&
    Array.isArray(features) &&
    Array.isArray(tasks) &&
    [trunk, architecture, training].every((part) => typeof part === 'object')
  )
}
