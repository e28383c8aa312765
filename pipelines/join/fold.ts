import type { ImpressionPolicy } from '../../models/spec/ranker.ts'
import type { JoinedFeedback, Tally } from '../../models/spec/slate.ts'
import { addFeedback, addImpression } from '../../models/spec/tally.ts'
import type { LatePolicy } from '../ingest/event-settings.ts'
import type { FeedbackEvent, ImpressionEvent, SlateEvent } from '../ingest/events.ts'
import {
  type Clock,
  type FoldInput,
  type FoldOutput,
  type HistoryRow,
  type JoinedExample,
  type JoinedSlate,
  type PendingEvent,
  type TallyScope,
  userItemKey,
} from './ports.ts'
import { addServed, noSkew, type Skew, type SkewFamily } from './skew.ts'
import { createBatchTallies } from './tallies.ts'

export interface FoldOptions {
  /** Of all the events. */
  readonly clock: Clock
  /**
   * How far each clock is joined. Events up to there of their own come late: what they change is kept, but they see no
   * counts of it, which have moved on.
   */
  readonly joinedTo: ReadonlyMap<Clock, number>
  readonly late: LatePolicy
  readonly policies: Readonly<Record<string, ImpressionPolicy>>
  /** What each ranker looks at. */
  readonly families: Readonly<Record<string, ReadonlySet<SkewFamily>>>
  /** What some ranker looks at; the rest is not kept. */
  readonly keeps: Keeps
}
export interface Keeps {
  readonly userItemTallies: boolean
  readonly days: boolean
  readonly history: boolean
}

/** An impression whose slate has not come, or feedback whose slate or impression has not. */
interface Waiting {
  readonly event: ImpressionEvent | FeedbackEvent
  readonly eventId: string
  readonly occurredAtMs: number
  /** Waits since an earlier batch. */
  readonly isStored: boolean
}

/**
 * Folds one batch of events, in order, into slates, examples, tallies and history. A slate sees what happened strictly
 * before it: changes of one moment apply when the next moment comes.
 */
export function fold(
  events: readonly PendingEvent[],
  input: FoldInput,
  options: FoldOptions,
): { readonly output: FoldOutput; readonly skew: Skew } {
  const { keeps, policies } = options
  const joinedToMs = options.joinedTo.get(options.clock) ?? 0
  const slates = new Map(input.slates.map((slate) => [slate.slateId, slate]))
  const examples = new Map(input.examples.map((example) => [exampleKey(example.slateId, example.itemId), example]))
  const tallies = createBatchTallies(input.tallies, options.clock, options.joinedTo)
  const historyEnds = new Map(input.historyEnds.map(({ userId, sequence }) => [userId, sequence]))
  const catalog = new Map<string, FoldInput['catalog'][number][]>()
  for (const entry of input.catalog) {
    const key = `${entry.kind} ${entry.id}`
    catalog.set(key, [...(catalog.get(key) ?? []), entry])
  }
  const changed = {
    slates: new Map<string, JoinedSlate>(),
    examples: new Map<string, JoinedExample>(),
    history: [] as HistoryRow[],
    adopted: [] as { slateId: string; eventId: string }[],
  }
  let skew = noSkew
  const waiting = new Map<string, Waiting[]>()
  for (const orphan of input.orphans) {
    const event = orphan.event as Waiting['event']
    wait(event.slateId!, { ...orphan, event, isStored: true })
  }
  let momentMs = Number.NEGATIVE_INFINITY
  let deferred: (() => void)[] = []
  const settle = () => {
    for (const change of deferred) change()
    deferred = []
  }

  for (const { event, eventId, source, occurredAtMs } of events) {
    if (occurredAtMs > momentMs) settle()
    momentMs = occurredAtMs
    if (event.type === 'slate') onSlate(event, source, occurredAtMs)
    else if (event.type === 'impression') onImpression(event, eventId, occurredAtMs)
    else if (event.type === 'feedback') onFeedback(event, eventId, occurredAtMs)
  }
  settle()
  const output = {
    slates: [...changed.slates.values()],
    examples: [...changed.examples.values()],
    tallies: tallies.changed(),
    history: changed.history,
    orphans: [...waiting].flatMap(([slateId, events]) =>
      events.flatMap(({ eventId, isStored }) => (isStored ? [] : [{ slateId, eventId }])),
    ),
    adopted: changed.adopted,
  }
  return { output, skew }

  function onSlate(event: SlateEvent, source: string, occurredAtMs: number): void {
    if (slates.has(event.slateId)) return
    const isLate = occurredAtMs <= joinedToMs
    // A slate that was ranked here carries what it was scored with.
    const served = event.modelVersion !== undefined
    const read = tallies.before(occurredAtMs, isLate)
    // Entries of a later moment are no matter: a history is read up to its slate's moment.
    const historyEnd = historyEnds.get(event.userId) ?? 0
    const families = options.families[event.ranker!]
    if (served && !isLate && families !== undefined) skew = addServed(skew, event, families, { read, historyEnd })
    const versionOf = (given: number | null | undefined, kind: 'item' | 'user', id: string) =>
      served ? (given ?? null) : versionAt(kind, id, occurredAtMs)
    const seen = (given: Tally | null | undefined, scope: TallyScope, key: string) =>
      served ? (given ?? null) : read(scope, key)
    const slate: JoinedSlate = {
      slateId: event.slateId,
      source,
      ranker: event.ranker!,
      definitionHash: event.definitionHash ?? null,
      modelVersion: event.modelVersion ?? null,
      userId: event.userId,
      occurredAtMs,
      context: event.context ?? {},
      user: event.user ?? {},
      userVersion: versionOf(event.userVersion, 'user', event.userId),
      userTally: seen(event.userTally, 'user', event.userId),
      historyEnd: served ? (event.historyEnd ?? 0) : historyEnd,
      items: event.items.map(({ itemId, features, version, tally, userItemTally }) => ({
        itemId,
        ...(features === undefined ? {} : { features }),
        version: versionOf(version, 'item', itemId),
        tally: seen(tally, 'item', itemId),
        userItemTally: keeps.userItemTallies
          ? seen(userItemTally, 'user-item', userItemKey(event.userId, itemId))
          : null,
      })),
    }
    slates.set(slate.slateId, slate)
    changed.slates.set(slate.slateId, slate)
    // Ranked is not seen: the policy decides. A list that the caller logged was shown.
    if (!served || policies[slate.ranker] === 'top') {
      slate.items
        .slice(0, event.limit ?? slate.items.length)
        .forEach((_, position) => void show(slate, position, occurredAtMs))
    }
    meet(slate)
  }

  function wait(slateId: string, event: Waiting): void {
    const others = waiting.get(slateId)
    if (others === undefined) waiting.set(slateId, [event])
    else others.push(event)
  }

  /** What waited for this slate, or for an item of it to be shown: impressions first, as they let feedback in. */
  function meet(slate: JoinedSlate): void {
    const own = waiting.get(slate.slateId)
    if (own === undefined) return
    waiting.delete(slate.slateId)
    const [impressions, feedback] = [
      own.filter(({ event }) => event.type === 'impression'),
      own.filter(({ event }) => event.type === 'feedback'),
    ]
    for (const each of [...impressions, ...feedback]) {
      const { event, eventId, isStored, occurredAtMs } = each
      if (event.type === 'impression') showAll(slate, event)
      else if (!attach(slate, event, occurredAtMs)) {
        wait(slate.slateId, each)
        continue
      }
      if (isStored) changed.adopted.push({ slateId: slate.slateId, eventId })
    }
  }

  function versionAt(kind: 'item' | 'user', id: string, atMs: number): number | null {
    return catalog.get(`${kind} ${id}`)?.findLast(({ occurredAtMs }) => occurredAtMs <= atMs)?.version ?? null
  }

  function show(slate: JoinedSlate, position: number, atMs: number): JoinedExample {
    const { itemId } = slate.items[position]!
    const key = exampleKey(slate.slateId, itemId)
    const known = examples.get(key)
    if (known !== undefined) return known
    const { slateId, ranker, occurredAtMs } = slate
    const example = { slateId, itemId, ranker, position, occurredAtMs, feedback: [] }
    examples.set(key, example)
    changed.examples.set(key, example)
    defer(slate.userId, itemId, (tally) => addImpression(tally, atMs, keeps.days))
    return example
  }

  function onImpression(event: ImpressionEvent, eventId: string, occurredAtMs: number): void {
    const slate = slates.get(event.slateId)
    if (slate === undefined) wait(event.slateId, { event, eventId, occurredAtMs, isStored: false })
    else {
      showAll(slate, event)
      meet(slate)
    }
  }

  function showAll(slate: JoinedSlate, event: ImpressionEvent): void {
    if (policies[slate.ranker] !== 'explicit') return
    for (const itemId of event.itemIds) {
      const position = slate.items.findIndex((item) => item.itemId === itemId)
      if (position !== -1) show(slate, position, slate.occurredAtMs)
    }
  }

  function onFeedback(event: FeedbackEvent, eventId: string, atMs: number): void {
    defer(event.userId, event.itemId, (tally) => addFeedback(tally, event.kind, atMs, keeps.days))
    if (keeps.history) deferred.push(() => remember(event, atMs))
    if (event.slateId === undefined) return
    const slate = slates.get(event.slateId)
    const isIgnored = options.late === 'ignore' && atMs <= joinedToMs && !changed.slates.has(event.slateId)
    if (slate !== undefined && isIgnored) return
    if (slate === undefined || !attach(slate, event, atMs)) {
      wait(event.slateId, { event, eventId, occurredAtMs: atMs, isStored: false })
    }
  }

  /** False where the item may yet be shown, and the feedback has to wait for that. */
  function attach(slate: JoinedSlate, event: FeedbackEvent, atMs: number): boolean {
    const position = slate.items.findIndex(({ itemId }) => itemId === event.itemId)
    if (position === -1) return true
    if (policies[slate.ranker] === 'until-last-feedback') {
      for (let shown = 0; shown <= position; shown++) show(slate, shown, slate.occurredAtMs)
    }
    const key = exampleKey(slate.slateId, event.itemId)
    const example = examples.get(key)
    if (example === undefined) return policies[slate.ranker] !== 'explicit'
    const joined: JoinedFeedback = { kind: event.kind, value: event.value ?? null, occurredAtMs: atMs }
    const next = { ...example, feedback: [...example.feedback, joined].sort(byMoment) }
    examples.set(key, next)
    changed.examples.set(key, next)
    return true
  }

  function remember(event: FeedbackEvent, atMs: number): void {
    const sequence = (historyEnds.get(event.userId) ?? 0) + 1
    historyEnds.set(event.userId, sequence)
    changed.history.push({
      userId: event.userId,
      sequence,
      itemId: event.itemId,
      itemVersion: versionAt('item', event.itemId, atMs),
      kind: event.kind,
      occurredAtMs: atMs,
    })
  }

  function defer(userId: string, itemId: string, change: (tally: Tally) => Tally): void {
    deferred.push(() => {
      tallies.change('user', userId, change)
      tallies.change('item', itemId, change)
      if (keeps.userItemTallies) tallies.change('user-item', userItemKey(userId, itemId), change)
    })
  }
}

/** The same feedback is the same list, in whatever order it came. */
const byMoment = (a: JoinedFeedback, b: JoinedFeedback) =>
  a.occurredAtMs - b.occurredAtMs ||
  (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : (a.value ?? -Infinity) - (b.value ?? -Infinity) || 0)

const exampleKey = (slateId: string, itemId: string) => JSON.stringify([slateId, itemId])
