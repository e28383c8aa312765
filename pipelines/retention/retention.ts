import { Fault } from '../../models/spec/fault.ts'
import type { EventSettings } from '../ingest/event-settings.ts'
import { clockOf, joinedMoments, liveClock } from '../join/clocks.ts'
import type { Source } from '../join/ports.ts'
import type { Expired, KeptTime, RetentionStore } from './ports.ts'

export type RetentionSettings = Pick<EventSettings, 'orphanDays' | 'eventDays' | 'ledgerDays' | 'exampleDays'>

export interface RetentionContext {
  readonly store: RetentionStore
  readonly settings: RetentionSettings
  readonly nowMs: number
  /** Only says what would go. */
  readonly isDryRun: boolean
}

const dayMs = 86_400_000
/** A training that began to read so long ago has published its version, or never will. */
const longestTrainingDays = 7

/**
 * Lets go of what is older than it is kept, table by table. An event that comes again after the ledger let go of its id is
 * taken as a new one. Training rebuilds slates from what is left: one near the horizon sees less history than it did.
 * Fault `RETENTION_LEDGER_TOO_SHORT`.
 */
export async function applyRetention(context: RetentionContext): Promise<readonly Expired[]> {
  const { store, settings, nowMs, isDryRun } = context
  const { orphanDays, eventDays, ledgerDays, exampleDays } = settings
  if (ledgerDays < eventDays) {
    throw new Fault(
      'RETENTION_LEDGER_TOO_SHORT',
      `Ids of events would be known for ${ledgerDays} days and what events say for ${eventDays}, so a repeated event could be taken twice. Raise events.ledgerDays, or lower events.eventDays.`,
      { path: 'events.ledgerDays', status: 400 },
    )
  }
  const before = (days: number) => nowMs - days * dayMs
  const kept = keptTimes(await store.sources(), exampleDays)
  // What waits for nothing any more no longer holds the day it came on.
  const orphans = await store.orphans(before(orphanDays), isDryRun)
  const bodies = await store.bodies(before(eventDays), isDryRun)
  if (!isDryRun) await store.indexBodies(before(1))
  return [
    orphans,
    bodies,
    await store.ledger(before(ledgerDays), isDryRun),
    ...(await store.deadLetters(before(ledgerDays), isDryRun)),
    ...(await store.slates(kept, isDryRun)),
    await store.history(kept, isDryRun),
    await store.catalog(kept, isDryRun),
    await store.joinBatches(before(longestTrainingDays), isDryRun),
  ]
}

/**
 * What each clock keeps, counted from the newest moment that it has joined: data of the past that is brought in today is
 * not old today. The live clock goes on, so it keeps all that is newer.
 */
export function keptTimes(sources: readonly Source[], days: number): readonly KeptTime[] {
  return [...joinedMoments(sources)].map(([clock, joinedToMs]) => ({
    sources: sources.filter(({ name }) => clockOf(name) === clock).map(({ name }) => name),
    fromMs: joinedToMs - days * dayMs,
    toMs: clock === liveClock ? Number.MAX_SAFE_INTEGER : joinedToMs,
  }))
}

/** The times between, and before, what clocks keep: from <= time < to, oldest first. What is newest is in none. */
export function gapsBetween(kept: readonly KeptTime[]): readonly { readonly fromMs: number; readonly toMs: number }[] {
  const gaps: { fromMs: number; toMs: number }[] = []
  let endMs = Number.MIN_SAFE_INTEGER
  for (const { fromMs, toMs } of kept.toSorted((a, b) => a.fromMs - b.fromMs)) {
    if (fromMs > endMs) gaps.push({ fromMs: endMs, toMs: fromMs })
    endMs = Math.max(endMs, toMs === Number.MAX_SAFE_INTEGER ? toMs : toMs + 1)
  }
  return gaps
}
