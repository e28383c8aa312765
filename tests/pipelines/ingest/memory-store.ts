import { Fault } from '../../../models/spec/fault.ts'
import type { AcceptableEvent, Claim, DeadLetter, IngestStore, Resolution } from '../../../pipelines/ingest/ports.ts'

interface Contents {
  readonly events: Map<string, AcceptableEvent & { readonly source: string; readonly receivedAtMs: number }>
  readonly letters: (DeadLetter & { readonly source: string; resolution?: Resolution; attempts?: number })[]
  readonly watermarks: Map<string, number>
  /** By topic and partition. */
  readonly positions: Map<string, { readonly nextOffset: number; readonly watermarkMs: number }>
}
const copyOf = ({ events, letters, watermarks, positions }: Contents): Contents => ({
  events: new Map(events),
  letters: [...letters],
  watermarks: new Map(watermarks),
  positions: new Map(positions),
})

/** Keeps what a transaction did only where it ended well. `failAt` names the step that breaks. */
export function createMemoryIngestStore(failAt?: 'accept' | 'quarantine' | 'commit') {
  let kept: Contents = { events: new Map(), letters: [], watermarks: new Map(), positions: new Map() }
  const breakAt = (step: typeof failAt) => {
    if (step === failAt) throw new Error(`broken at ${step}`)
  }
  const store: IngestStore = {
    async transaction(work) {
      const own = copyOf(kept)
      const result = await work({
        async accept(events, source, receivedAtMs) {
          breakAt('accept')
          return events.map((event) => {
            const known = own.events.get(event.event.eventId)
            if (known !== undefined) return known.digest === event.digest ? 'duplicate' : 'conflict'
            own.events.set(event.event.eventId, { ...event, source, receivedAtMs })
            return 'accepted'
          })
        },
        async quarantine(letters, source) {
          breakAt('quarantine')
          own.letters.push(...letters.map((letter) => ({ ...letter, source })))
        },
        async newestPending(source) {
          const times = [...own.events.values()].filter((event) => event.source === source)
          return times.length === 0 ? null : Math.max(...times.map(({ occurredAtMs }) => occurredAtMs))
        },
        async advance(source, watermarkMs) {
          own.watermarks.set(source, Math.max(watermarkMs, own.watermarks.get(source) ?? watermarkMs))
        },
        async claim({ topic, partition, fromOffset, nextOffset, watermarkMs }: Claim) {
          const key = `${topic} ${partition}`
          const at = own.positions.get(key) ?? { nextOffset: 0, watermarkMs: 0 }
          if (at.nextOffset !== fromOffset) throw new Fault('POSITION_MOVED', 'It is elsewhere.')
          own.positions.set(key, { nextOffset, watermarkMs: Math.max(at.watermarkMs, watermarkMs) })
        },
        async holdLetter(id) {
          const letter = own.letters[id]
          return letter === undefined || letter.resolution !== undefined ? null : letter
        },
        async resolveLetter(id, resolution) {
          own.letters[id] = { ...own.letters[id]!, resolution }
        },
        async keepLetter(id, letter) {
          const { source, attempts = 1 } = own.letters[id]!
          own.letters[id] = { ...letter, source, attempts: attempts + 1 }
        },
      })
      breakAt('commit')
      kept = own
      return result
    },
  }
  return { store, contents: () => kept }
}
