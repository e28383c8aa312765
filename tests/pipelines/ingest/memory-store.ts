import type { AcceptableEvent, DeadLetter, IngestStore } from '../../../pipelines/ingest/ports.ts'

interface Contents {
  readonly events: Map<string, AcceptableEvent & { readonly source: string; readonly receivedAtMs: number }>
  readonly letters: (DeadLetter & { readonly source: string })[]
  readonly watermarks: Map<string, number>
}
const copyOf = ({ events, letters, watermarks }: Contents): Contents => ({
  events: new Map(events),
  letters: [...letters],
  watermarks: new Map(watermarks),
})

/** Keeps what a transaction did only where it ended well. `failAt` names the step that breaks. */
export function createMemoryIngestStore(failAt?: 'accept' | 'quarantine' | 'advance' | 'commit') {
  let kept: Contents = { events: new Map(), letters: [], watermarks: new Map() }
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
        async advance(source, watermarkMs) {
          breakAt('advance')
          own.watermarks.set(source, Math.max(watermarkMs, own.watermarks.get(source) ?? watermarkMs))
        },
      })
      breakAt('commit')
      kept = own
      return result
    },
  }
  return { store, contents: () => kept }
}
