import type { RankerDefinition } from '../../models/spec/ranker.ts'
import { defaultEvents, type LatePolicy } from '../ingest/event-settings.ts'
import { clockOf, joinedMoments, watermarkOf } from './clocks.ts'
import { type FoldOptions, fold, type Keeps } from './fold.ts'
import {
  type CatalogVersion,
  type Clock,
  type FoldKeys,
  type JoinStore,
  type JoinTransaction,
  type Move,
  type NamedSlates,
  type PendingEvent,
  type Source,
  type TallyKey,
  userItemKey,
} from './ports.ts'
import { familiesSeen, noSkew, type Skew } from './skew.ts'

export interface JoinContext {
  readonly store: JoinStore
  readonly rankers: readonly RankerDefinition[]
  /** Live events are joined this long after they occurred, so that those on their way are not late, ms. */
  readonly latenessMs: number
  readonly late?: LatePolicy
  nowMs(): number
  /** Hears, after each batch with slates that were ranked here, how they compare. */
  onSkew?(skew: Skew): void
}

const batchSize = 2_000

/**
 * Joins everything up to each clock's watermark, in bounded batches, each one transaction; clocks take turns, so that a
 * long backfill does not keep live events waiting. Returns how many events.
 */
export async function join(context: JoinContext, report: (joined: number) => void = () => {}): Promise<number> {
  for (let joined = 0; ; ) {
    const before = joined
    const waiting = (await context.store.sources()).filter(({ isWaiting }) => isWaiting)
    for (const clock of new Set(waiting.map(({ name }) => clockOf(name)))) {
      const { count, skew } = await joinBatch(clock, context)
      if (count === 0) continue
      joined += count
      report(joined)
      if (skew !== noSkew) context.onSkew?.(skew)
    }
    if (joined === before) return joined
  }
}

function joinBatch(clock: Clock, context: JoinContext): Promise<{ readonly count: number; readonly skew: Skew }> {
  const keeps = keepsOf(context.rankers)
  return context.store.transaction(async (transaction) => {
    const sources = await transaction.sources()
    const own = sources.filter(({ name }) => clockOf(name) === clock)
    const upToMs = watermarkOf(own, { nowMs: context.nowMs(), latenessMs: context.latenessMs })
    const events = await wholeMoments(
      transaction,
      own.map(({ name }) => name),
      upToMs,
    )
    if (events.length === 0) return { count: 0, skew: noSkew }
    const catalog = events.flatMap(catalogVersionOf)
    if (catalog.length > 0) await transaction.addCatalog(catalog)
    const named = await transaction.slates(slateIdsOf(events))
    const joinedTo = joinedMoments(sources)
    const lastMs = events.at(-1)!.occurredAtMs
    const clocks = [...joinedTo].flatMap(([each, atMs]) =>
      each === clock || (atMs > 0 && atMs < lastMs) ? [each] : [],
    )
    const input = { ...named, ...(await transaction.remembered({ ...keysOf(events, named, keeps), clocks })) }
    const options = { clock, joinedTo, late: context.late ?? defaultEvents.late, keeps, ...ofRankers(context.rankers) }
    const { output, skew } = fold(events, input, options)
    await transaction.save(output)
    await transaction.finish(events, movesOf(own, events))
    return { count: events.length, skew }
  })
}

const ofRankers = (rankers: readonly RankerDefinition[]): Pick<FoldOptions, 'policies' | 'families'> => ({
  policies: Object.fromEntries(rankers.map(({ name, impressions }) => [name, impressions])),
  families: Object.fromEntries(rankers.map(({ name, features }) => [name, familiesSeen(features)])),
})

/** A batch that ends between two moments, so that what happens at once is never seen in halves. */
async function wholeMoments(
  transaction: JoinTransaction,
  sources: readonly string[],
  upToMs: number,
): Promise<readonly PendingEvent[]> {
  for (let limit = batchSize; ; limit *= 2) {
    const events = await transaction.pending(sources, upToMs, limit)
    if (events.length < limit) return events
    const lastMs = events.at(-1)!.occurredAtMs
    const whole = events.filter(({ occurredAtMs }) => occurredAtMs < lastMs)
    if (whole.length > 0) return whole
  }
}

/** The sources of a clock move together. */
function movesOf(sources: readonly Source[], events: readonly PendingEvent[]): Move[] {
  const joinedToMs = Math.max(...sources.map((source) => source.joinedToMs))
  const lastMs = events.at(-1)!.occurredAtMs
  return sources.map(({ name }) => ({
    source: name,
    joinedToMs: Math.max(joinedToMs, lastMs),
    late: events.filter(({ source, occurredAtMs }) => source === name && occurredAtMs <= joinedToMs).length,
  }))
}

/** What some ranker looks at; keeping more would only grow tables. */
function keepsOf(rankers: readonly RankerDefinition[]): Keeps {
  const features = rankers.flatMap((ranker) => ranker.features)
  return {
    userItemTallies: features.some((feature) => feature.kind === 'counters' && feature.of === 'user-item'),
    days: features.some((feature) => feature.kind === 'counters' && feature.windowDays !== undefined),
    history: features.some((feature) => feature.kind === 'history'),
  }
}

function catalogVersionOf({ event, occurredAtMs }: PendingEvent): CatalogVersion[] {
  if (event.type !== 'item' && event.type !== 'user') return []
  const id = event.type === 'item' ? event.itemId : event.userId
  return [{ kind: event.type, id, occurredAtMs, features: event.features ?? {}, deleted: event.deleted === true }]
}

const slateIdsOf = (events: readonly PendingEvent[]): string[] => [
  ...new Set(events.flatMap(({ event }) => ('slateId' in event && event.slateId !== undefined ? [event.slateId] : []))),
]

/** Users and items of the events, and of all slates that an impression or feedback of them may show. */
function keysOf(
  events: readonly PendingEvent[],
  { slates, orphans }: NamedSlates,
  keeps: Keeps,
): Omit<FoldKeys, 'clocks'> {
  const [users, items, pairs] = [new Set<string>(), new Set<string>(), new Set<string>()]
  const pair = (userId: string, itemId: string) => {
    users.add(userId)
    items.add(itemId)
    if (keeps.userItemTallies) pairs.add(userItemKey(userId, itemId))
  }
  for (const { event } of [...events, ...orphans]) {
    if (event.type === 'slate') for (const { itemId } of event.items) pair(event.userId, itemId)
    if (event.type === 'feedback') pair(event.userId, event.itemId)
  }
  for (const slate of slates) for (const { itemId } of slate.items) pair(slate.userId, itemId)
  const keys = (scope: TallyKey['scope'], all: Iterable<string>): TallyKey[] =>
    Array.from(all, (key) => ({ scope, key }))
  return {
    users: [...users],
    items: [...items],
    tallies: [...keys('user', users), ...keys('item', items), ...keys('user-item', pairs)],
    history: keeps.history,
  }
}
