import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { kuairandCounters } from '../../models/presets/kuairand.ts'
import { Fault } from '../../models/spec/fault.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'

export interface LoadedRankers {
  readonly rankers: readonly RankerDefinition[]
  /** Where they came from: a file, or the bundled sample's definition. */
  readonly from: { readonly kind: 'file'; readonly path: string } | { readonly kind: 'sample' }
}

const example = 'export const rankers = [defineRanker({ ... })]'

/**
 * The rankers of `polyrank.config.ts` in `folder` (its named export `rankers`), or, where there is no such file, the one
 * of the bundled sample. Faults `CONFIG_INVALID`, and those of `defineRanker`; both name the file.
 */
export async function loadRankers(folder: string): Promise<LoadedRankers> {
  const path = resolve(folder, 'polyrank.config.ts')
  if (!existsSync(path)) return { rankers: [kuairandCounters], from: { kind: 'sample' } }
  const { rankers } = await exportsOf(path)
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
  return { rankers: definitions, from: { kind: 'file', path } }
}

async function exportsOf(path: string): Promise<{ readonly rankers?: unknown }> {
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
