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

/**
 * The rankers of `polyrank.config.ts` in `folder` (its named export `rankers`), or, where there is no such file, the one
 * of the bundled sample. Fault `CONFIG_INVALID`; faults of `defineRanker` pass through.
 */
export async function loadRankers(folder: string): Promise<LoadedRankers> {
  const path = resolve(folder, 'polyrank.config.ts')
  if (!existsSync(path)) return { rankers: [kuairandCounters], from: { kind: 'sample' } }
  const exported: { rankers?: readonly RankerDefinition[] } = await import(pathToFileURL(path).href)
  const { rankers } = exported
  if (!Array.isArray(rankers) || rankers.length === 0) {
    throw new Fault(
      'CONFIG_INVALID',
      'polyrank.config.ts must export `rankers`, a list of what `defineRanker` returns: export const rankers = [defineRanker({ ... })]',
      { path },
    )
  }
  const repeated = rankers.find(({ name }, index) => rankers.findIndex((other) => other.name === name) !== index)
  if (repeated !== undefined) {
    throw new Fault('CONFIG_INVALID', `Two rankers are named "${repeated.name}"; rename one of them.`, { path })
  }
  return { rankers, from: { kind: 'file', path } }
}
