import { liveSource } from '../ingest/ingest.ts'
import type { Clock, Source } from './ports.ts'

/** Appended to the scope of a tally, which makes live ones plain. */
export const liveClock: Clock = ''
/** Sources that follow the present. */
export const liveSources: readonly string[] = [liveSource, 'kafka']

/** Begins the clock of a backfill, before its source's name. */
export const backfillMark = '@'

export const clockOf = (source: string): Clock => (liveSources.includes(source) ? liveClock : backfillMark + source)

/** How far each clock is joined. */
export function joinedMoments(sources: readonly Source[]): ReadonlyMap<Clock, number> {
  const moments = new Map<Clock, number>()
  for (const { name, joinedToMs } of sources) {
    const clock = clockOf(name)
    moments.set(clock, Math.max(joinedToMs, moments.get(clock) ?? 0))
  }
  return moments
}

/** A live source that fell behind holds the others back for so long; after that what it brings is late. */
export const mostHeldMs = 60_000

/**
 * Up to when all that is of one clock has come, of its sources together: a slate of one MUST NOT be joined after what
 * another says of its future. One that was never read holds nothing back.
 */
export function watermarkOf(sources: readonly Source[], { nowMs, latenessMs }: { nowMs: number; latenessMs: number }) {
  const wallMs = nowMs - latenessMs
  if (!sources.some(({ name }) => name === liveSource))
    return Math.min(...sources.map(({ watermarkMs }) => watermarkMs))
  return Math.max(Math.min(wallMs, ...readMoments(sources)), wallMs - mostHeldMs)
}

/** How far live sources that are read from elsewhere are read. */
const readMoments = (sources: readonly Source[]) =>
  sources.flatMap(({ name, watermarkMs }) => (name === liveSource || watermarkMs === 0 ? [] : [watermarkMs]))

/**
 * Up to when feedback on the slates of each source is known. Of live sources that is as far as the slowest is read, however
 * far it is behind: what is still on its way may be feedback on a slate of another.
 */
export function knownMoments(sources: readonly Source[]): ReadonlyMap<string, number> {
  const live = sources.filter(({ name }) => clockOf(name) === liveClock)
  const liveMs = Math.min(joinedMoments(live).get(liveClock) ?? 0, ...readMoments(live))
  return new Map(sources.map(({ name, watermarkMs }) => [name, clockOf(name) === liveClock ? liveMs : watermarkMs]))
}
