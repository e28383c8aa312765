import type { RankerDefinition } from '../../models/spec/ranker.ts'
import { liveSource } from '../ingest/ingest.ts'
import { type FoldOptions, fold, type Keeps } from './fold.ts'
import {
  type CatalogVersion,
  type FoldKeys,
  type JoinStore,
  type JoinTransaction,
  type NamedSlates,
  type PendingEvent,
  type Source,
  type TallyKey,
  userItemKey,
} from './ports.ts'

export interface JoinContext {
  readonly store: JoinStore
  readonly rankers: readonly RankerDefinition[]
  /** Live events are joined this long after they occurred, so that those on their way are not late, ms. */
  readonly latenessMs: number
  nowMs(): number
}

const batchSize = 2_000

/** Joins everything up to each source's watermark, in bounded batches, each one transaction. Returns how many events. */
export async function join(context: JoinContext, report: (joined: number) => void = () => {}): Promise<number> {
  let joined = 0
  for (const { name } of await context.store.sources()) {
    for (;;) {
      const count = await joinBatch(name, context)
      if (count === 0) break
      joined += count
      report(joined)
    }
  }
  return joined
}

async function joinBatch(name: string, context: JoinContext): Promise<number> {
  const sources = await context.store.sources()
  const source = sources.find((each) => each.name === name)!
  const upToMs = name === liveSource ? context.nowMs() - context.latenessMs : source.watermarkMs
  const keeps = keepsOf(context.rankers)
  return context.store.transaction(async (transaction) => {
    const events = await wholeMoments(transaction, name, upToMs)
    if (events.length === 0) return 0
    const catalog = events.flatMap(catalogVersionOf)
    if (catalog.length > 0) await transaction.addCatalog(catalog)
    const named = await transaction.slates(slateIdsOf(events))
    const input = { ...named, ...(await transaction.remembered(keysOf(events, named, keeps))) }
    const policies = Object.fromEntries(context.rankers.map(({ name: ranker, impressions }) => [ranker, impressions]))
    // Counts and histories are everybody's: what any source has joined already may lie after a slate of this one.
    const joinedToMs = Math.max(...sources.map((each) => each.joinedToMs))
    const options: FoldOptions = { source: name, joinedToMs, policies, keeps }
    await transaction.save(fold(events, input, options))
    await finish(transaction, source, events)
    return events.length
  })
}

/** A batch that ends between two moments, so that what happens at once is never seen in halves. */
async function wholeMoments(
  transaction: JoinTransaction,
  name: string,
  upToMs: number,
): Promise<readonly PendingEvent[]> {
  for (let limit = batchSize; ; limit *= 2) {
    const events = await transaction.pending(name, upToMs, limit)
    if (events.length < limit) return events
    const lastMs = events.at(-1)!.occurredAtMs
    const whole = events.filter(({ occurredAtMs }) => occurredAtMs < lastMs)
    if (whole.length > 0) return whole
  }
}

function finish(transaction: JoinTransaction, source: Source, events: readonly PendingEvent[]): Promise<void> {
  const late = events.filter(({ occurredAtMs }) => occurredAtMs <= source.joinedToMs).length
  const joinedToMs = Math.max(source.joinedToMs, events.at(-1)!.occurredAtMs)
  return transaction.finish(source.name, events, joinedToMs, late)
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
function keysOf(events: readonly PendingEvent[], { slates, orphans }: NamedSlates, keeps: Keeps): FoldKeys {
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
