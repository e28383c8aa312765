import { createHash } from 'node:crypto'
import type { RankerDefinition } from './ranker.ts'

/**
 * SHA-256 (hex) of everything that decides a model's tensors and features. Rates, epochs, weights of losses and scores do
 * not, so a model may be trained on, or blended otherwise, under the same hash.
 */
export function definitionHash({ features, tasks, trunk, architecture }: RankerDefinition): string {
  const decisive = {
    features,
    tasks: tasks.map(({ name, label, windowMs, given }) => ({ name, label, windowMs, given })),
    dimension: trunk.dimension,
    architecture,
  }
  return createHash('sha256').update(canonical(decisive)).digest('hex')
}

/** JSON with sorted keys, so that equal values have equal texts. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
