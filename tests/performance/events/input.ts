import { createRandom } from '../../../models/engine/random.ts'

const [users, items, slateSize, feedbackOfSlate] = [20_000, 50_000, 5, 3]
export const eventsOfSlate = 2 + feedbackOfSlate
/** Between slates, event time. */
export const spacingMs = 20

export interface Line {
  readonly topic: 'slates' | 'impressions' | 'feedback'
  readonly key: string
  readonly atMs: number
  readonly value: string
}

/** Slates of five items, each with its impression and feedback on three of them, in the order of time. Ids begin with `name`. */
export function* linesOf(slates: number, name: string, startMs: number, seed = 1): Generator<Line> {
  const random = createRandom(seed)
  const pick = (count: number) => Math.floor(random.uniform() * count)
  for (let s = 0; s < slates; s++) {
    const atMs = startMs + s * spacingMs
    const [slateId, userId] = [`${name}-${s}`, `u${pick(users)}`]
    const shown = [...new Set(Array.from({ length: slateSize }, () => `i${pick(items)}`))]
    const line = (topic: Line['topic'], key: string, ms: number, event: object): Line => {
      return { topic, key, atMs: ms, value: JSON.stringify({ occurredAt: new Date(ms).toISOString(), ...event }) }
    }
    const context = { hour: s % 24, place: 'home', device: 'phone' }
    const slateItems = shown.map((itemId) => ({ itemId }))
    yield line('slates', userId, atMs, { type: 'slate', eventId: slateId, slateId, userId, context, items: slateItems })
    yield line('impressions', slateId, atMs + 1, {
      ...{ type: 'impression', eventId: `${slateId}-seen`, slateId, itemIds: shown },
    })
    for (let f = 0; f < feedbackOfSlate; f++) {
      const itemId = shown[f % shown.length]
      yield line('feedback', userId, atMs + 2 + f, {
        ...{ type: 'feedback', eventId: `${slateId}-${f}`, userId, itemId, slateId, kind: 'click' },
      })
    }
  }
}

export function* batchesOf(lines: Iterable<Line>, size: number): Generator<readonly Line[]> {
  let batch: Line[] = []
  for (const line of lines) {
    batch.push(line)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
