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

/** JSON with sorted keys, so that equal values have equal texts. By hand: every event that comes in goes through it. */
export function canonical(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  let text = ''
  for (const key of Object.keys(value).sort()) {
    const inner = (value as Record<string, unknown>)[key]
    if (inner !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonical(inner)}`
  }
  return `{${text}}`
}
