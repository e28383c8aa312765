import type { FeatureValues } from '../../../models/spec/features.ts'
import type { Tally } from '../../../models/spec/slate.ts'
import { mergeTallies } from '../../../models/spec/tally.ts'
import type { Event } from '../../../pipelines/ingest/events.ts'
import type {
  CatalogVersion,
  ClockTally,
  HistoryRow,
  JoinedExample,
  JoinedSlate,
  JoinStore,
  JoinTransaction,
  PendingEvent,
  Source,
} from '../../../pipelines/join/ports.ts'

type Versioned = CatalogVersion & { readonly version: number }
export interface JoinState {
  readonly pending: readonly PendingEvent[]
  readonly sources: Readonly<Record<string, Omit<Source, 'isWaiting'> & { readonly late: number }>>
  readonly catalog: readonly Versioned[]
  readonly slates: Readonly<Record<string, JoinedSlate>>
  readonly examples: Readonly<Record<string, JoinedExample>>
  /** By clock, scope and key. */
  readonly tallies: Readonly<Record<string, ClockTally>>
  readonly history: readonly HistoryRow[]
  /** Slate and event id of what waits. */
  readonly orphans: readonly string[]
  readonly events: Readonly<Record<string, PendingEvent>>
}

const ranks: Readonly<Record<Event['type'], number>> = { item: 0, user: 0, slate: 1, impression: 2, feedback: 3 }
const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
/** The order in which the join takes events. */
export const inOrder = (a: PendingEvent, b: PendingEvent): number =>
  a.occurredAtMs - b.occurredAtMs || ranks[a.event.type] - ranks[b.event.type] || byText(a.eventId, b.eventId)

const keyOf = (...parts: readonly string[]) => JSON.stringify(parts)
/** What a database hands back is never the same object. */
const stored = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value

/** Storage in memory: a transaction works on a state of its own, which is kept only where it ends well. */
export function createMemoryJoinStore() {
  let state: JoinState = {
    ...{ pending: [], sources: {}, catalog: [], slates: {}, examples: {}, tallies: {}, history: [], orphans: [] },
    events: {},
  }
  /** Batches as they were finished. */
  const log: (readonly PendingEvent[])[] = []
  let breaks: string | null = null
  const store: JoinStore = {
    sources: async () => sourcesOf(state),
    async transaction(work) {
      const own = { state }
      const result = await work(transactionOver(own, (events) => log.push(events)))
      if (breaks === 'commit') throw new Error('broken at commit')
      state = own.state
      return result
    },
  }
  return {
    store,
    log,
    batches: () => log.map(({ length }) => length),
    state: () => state,
    /** Makes a step of every later transaction throw; null mends it. */
    breakAt: (step: string | null) => {
      breaks = step
    },
    add(source: string, events: readonly PendingEvent[], watermarkMs = 0): void {
      const known = state.sources[source] ?? { name: source, watermarkMs, joinedToMs: 0, late: 0 }
      state = {
        ...state,
        sources: { ...state.sources, [source]: { ...known, watermarkMs: Math.max(known.watermarkMs, watermarkMs) } },
        pending: [...state.pending, ...events.map((event) => ({ ...event, source }))],
        events: {
          ...state.events,
          ...Object.fromEntries(events.map((event) => [event.eventId, { ...event, source }])),
        },
      }
    },
  }

  function transactionOver(
    own: { state: JoinState },
    onFinished: (events: readonly PendingEvent[]) => void,
  ): JoinTransaction {
    const step = (name: string) => {
      if (breaks === name) throw new Error(`broken at ${name}`)
    }
    return {
      sources: async () => sourcesOf(own.state),
      pending: async (sources, upToMs, limit) =>
        stored(
          own.state.pending
            .filter((event) => sources.includes(event.source) && event.occurredAtMs <= upToMs)
            .sort(inOrder)
            .slice(0, limit),
        ),
      async addCatalog(versions) {
        const first = own.state.catalog.length + 1
        const added = versions.map((version, i) => ({ ...version, version: first + i }))
        own.state = { ...own.state, catalog: [...own.state.catalog, ...added] }
        step('addCatalog')
        return added.map(({ version }) => version)
      },
      async slates(slateIds) {
        const wanted = new Set(slateIds)
        const isNamed = ({ slateId }: { slateId: string }) => wanted.has(slateId)
        const waiting = own.state.orphans.map((key): [string, string] => JSON.parse(key))
        return stored({
          slates: Object.values(own.state.slates).filter(isNamed),
          examples: Object.values(own.state.examples).filter(isNamed),
          orphans: waiting
            .filter(([slateId]) => wanted.has(slateId))
            .map(([, eventId]) => own.state.events[eventId]!)
            .sort(inOrder),
        })
      },
      async remembered({ users, items, tallies, clocks, history }) {
        const { catalog, tallies: all, history: rows } = own.state
        const wanted = { user: new Set(users), item: new Set(items) }
        return stored({
          tallies: clocks.flatMap((clock) => tallies.flatMap(({ scope, key }) => all[keyOf(clock, scope, key)] ?? [])),
          catalog: catalog
            .filter(({ kind, id }) => wanted[kind].has(id))
            .sort((a, b) => a.occurredAtMs - b.occurredAtMs || a.version - b.version),
          historyEnds: users.flatMap((userId) => {
            const sequence = rows.filter((row) => row.userId === userId).length
            return history && sequence > 0 ? [{ userId, sequence }] : []
          }),
        })
      },
      async save(output) {
        const { slates, examples, tallies, history, orphans, adopted } = stored(output)
        const next = own.state
        for (const { slateId } of slates) if (next.slates[slateId] !== undefined) throw new Error(`${slateId} is there`)
        const gone = new Set(adopted.map(({ slateId, eventId }) => keyOf(slateId, eventId)))
        own.state = {
          ...next,
          slates: { ...next.slates, ...Object.fromEntries(slates.map((slate) => [slate.slateId, slate])) },
          examples: {
            ...next.examples,
            ...Object.fromEntries(examples.map((each) => [keyOf(each.slateId, each.itemId), each])),
          },
          tallies: {
            ...next.tallies,
            ...Object.fromEntries(tallies.map((each) => [keyOf(each.clock, each.scope, each.key), each])),
          },
          history: [...next.history, ...history],
          orphans: [...next.orphans, ...orphans.map(({ slateId, eventId }) => keyOf(slateId, eventId))].filter(
            (key) => !gone.has(key),
          ),
        }
        step('save')
      },
      async finish(events, moves) {
        const done = new Set(events.map(({ eventId }) => eventId))
        const { pending, sources } = own.state
        const moved = moves.map(({ source, joinedToMs, late }) => {
          const known = sources[source]!
          const next = { joinedToMs: Math.max(known.joinedToMs, joinedToMs), late: known.late + late }
          return [source, { ...known, ...next }]
        })
        own.state = {
          ...own.state,
          pending: pending.filter(({ eventId }) => !done.has(eventId)),
          sources: { ...sources, ...Object.fromEntries(moved) },
        }
        step('finish')
        onFinished(events)
      },
    }
  }
}

const sourcesOf = ({ sources, pending }: JoinState): Source[] =>
  Object.values(sources)
    .map((source) => ({ ...source, isWaiting: pending.some((event) => event.source === source.name) }))
    .sort((a, b) => byText(a.name, b.name))

export type MemoryJoinStore = ReturnType<typeof createMemoryJoinStore>
/** What all clocks have counted. */
export const tallyOf = ({ tallies }: JoinState, scope: string, ...key: readonly string[]): Tally | undefined => {
  const text = key.length === 1 ? key[0]! : JSON.stringify(key)
  const own = Object.values(tallies).filter((each) => each.scope === scope && each.key === text)
  return own.length === 0 ? undefined : own.map(({ tally }) => tally).reduce(mergeTallies)
}
export const exampleOf = ({ examples }: JoinState, slateId: string, itemId: string): JoinedExample | undefined =>
  examples[keyOf(slateId, itemId)]
/** Features of one version; a deleted one has none. */
export const featuresOf = ({ catalog }: JoinState, version: number | null): FeatureValues => {
  const found = version === null ? undefined : catalog[version - 1]
  return found === undefined || found.deleted ? {} : found.features
}
