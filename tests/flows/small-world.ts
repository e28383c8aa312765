import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRandom } from '../../models/engine/random.ts'
import { defineRanker } from '../../models/spec/define-ranker.ts'
import type { Event } from '../../pipelines/ingest/events.ts'

const root = join(import.meta.dirname, '..', '..')

/** A ranker that learns in a second or two. */
export const smallRanker = defineRanker({
  name: 'small',
  features: [
    { kind: 'categorical', name: 'userId', scope: 'user', rows: { buckets: 256 }, isId: true },
    { kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 256 }, isId: true },
    { kind: 'categorical', name: 'taste', scope: 'user', rows: { buckets: 16 } },
    { kind: 'categorical', name: 'genre', scope: 'item', rows: { buckets: 16 } },
    { kind: 'counters', name: 'itemCounters', of: 'item', feedback: ['click'] },
    { kind: 'history', name: 'recent', length: 3, items: ['genre'] },
  ],
  tasks: [
    { name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: 60_000, scoreWeight: 1 },
    { name: 'watch', label: { rule: 'value', kind: 'watch', transform: 'log' }, windowMs: 60_000, given: 'click' },
  ],
  architecture: { kind: 'mmoe', experts: 2, hidden: 16, tower: 8 },
  training: { batchSize: 32, epochs: 12, rate: 0.005, embeddingRate: 0.02, wideRate: 0.005, ridge: 3 },
  trunk: { dropout: 0 },
})

/** Puts the ranker's `polyrank.config.ts` into a folder. */
export function writeConfig(folder: string): void {
  const definition = join(root, 'tests', 'flows', 'small-world.ts')
  writeFileSync(
    join(folder, 'polyrank.config.ts'),
    `import { smallRanker } from ${JSON.stringify(definition)}\nexport const rankers = [smallRanker]\n`,
  )
}

const users = 30
const items = 40
const genres = 4
const slateSize = 5
/** Between slates, and from the last one until now: what serves sees times like those that were learnt. */
const spacingMs = 60_000

/** Users click what is of the first genre; all lies in the past, so that it is joined at once. */
export function smallEvents(slates: number, seed = 1, endMs = Date.now() - 10 * spacingMs): Event[] {
  const random = createRandom(seed)
  const pick = (count: number) => Math.floor(random.uniform() * count)
  const startMs = endMs - slates * spacingMs
  const at = (ms: number) => new Date(ms).toISOString()
  const events: Event[] = []
  for (let u = 0; u < users; u++) {
    events.push({
      type: 'user',
      eventId: `${seed}-user-${u}`,
      occurredAt: at(startMs),
      userId: `u${u}`,
      features: { taste: `g${u % genres}` },
    })
  }
  for (let i = 0; i < items; i++) {
    events.push({
      type: 'item',
      eventId: `${seed}-item-${i}`,
      occurredAt: at(startMs),
      itemId: `i${i}`,
      features: { genre: `g${i % genres}` },
    })
  }
  for (let s = 0; s < slates; s++) {
    const ms = startMs + s * spacingMs
    const user = pick(users)
    const first = pick(items)
    const shown = Array.from({ length: slateSize }, (_, k) => `i${(first + k) % items}`)
    const slateId = `${seed}-slate-${s}`
    events.push({
      type: 'slate',
      eventId: slateId,
      occurredAt: at(ms),
      slateId,
      userId: `u${user}`,
      items: shown.map((itemId) => ({ itemId })),
    })
    events.push({ type: 'impression', eventId: `${slateId}-seen`, occurredAt: at(ms), slateId, itemIds: shown })
    for (const itemId of shown) {
      const isLiked = Number(itemId.slice(1)) % genres === 0
      if (random.uniform() < (isLiked ? 0.8 : 0.15)) {
        const common = { occurredAt: at(ms + 1), userId: `u${user}`, itemId, slateId }
        events.push({ type: 'feedback', eventId: `${slateId}-${itemId}-click`, ...common, kind: 'click' })
        events.push({
          type: 'feedback',
          eventId: `${slateId}-${itemId}-watch`,
          ...common,
          kind: 'watch',
          value: pick(60),
        })
      }
    }
  }
  return events
}

export const toLines = (events: readonly Event[]): string => events.map((event) => JSON.stringify(event)).join('\n')
