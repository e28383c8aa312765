import type { ImpressionPolicy } from '../../models/spec/ranker.ts'
import type { JoinedFeedback, Tally } from '../../models/spec/slate.ts'
import { addFeedback, addImpression, emptyTally } from '../../models/spec/tally.ts'
import type { FeedbackEvent, ImpressionEvent, SlateEvent } from '../ingest/events.ts'
import {
  type FoldInput,
  type FoldOutput,
  type HistoryRow,
  type JoinedExample,
  type JoinedSlate,
  type PendingEvent,
  type TallyKey,
  type TallyScope,
  userItemKey,
} from './ports.ts'

export interface FoldOptions {
  readonly source: string
  /** Events up to here come late: what they change is kept, but they see no counts, which have moved on. */
  readonly joinedToMs: number
  readonly policies: Readonly<Record<string, ImpressionPolicy>>
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
export function fold(events: readonly PendingEvent[], input: FoldInput, options: FoldOptions): FoldOutput {
  const { keeps, source, policies } = options
  const slates = new Map(input.slates.map((slate) => [slate.slateId, slate]))
  const examples = new Map(input.examples.map((example) => [exampleKey(example.slateId, example.itemId), example]))
  const tallies = new Map(input.tallies.map(({ scope, key, tally }) => [tallyKey(scope, key), tally]))
  const historyEnds = new Map(input.historyEnds.map(({ userId, sequence }) => [userId, sequence]))
  const catalog = new Map<string, FoldInput['catalog'][number][]>()
  for (const entry of input.catalog) {
    const key = `${entry.kind} ${entry.id}`
    catalog.set(key, [...(catalog.get(key) ?? []), entry])
  }
  const changed = {
    slates: new Map<string, JoinedSlate>(),
    examples: new Map<string, JoinedExample>(),
    tallies: new Map<string, TallyKey & { tally: Tally }>(),
    history: [] as HistoryRow[],
    adopted: [] as { slateId: string; eventId: string }[],
  }
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

  for (const { event, eventId, occurredAtMs } of events) {
    if (occurredAtMs > momentMs) settle()
    momentMs = occurredAtMs
    if (event.type === 'slate') onSlate(event, occurredAtMs)
    else if (event.type === 'impression') onImpression(event, eventId, occurredAtMs)
    else if (event.type === 'feedback') onFeedback(event, eventId, occurredAtMs)
  }
  settle()
  return {
    slates: [...changed.slates.values()],
    examples: [...changed.examples.values()],
    tallies: [...changed.tallies.values()],
    history: changed.history,
    orphans: [...waiting].flatMap(([slateId, events]) =>
      events.flatMap(({ eventId, isStored }) => (isStored ? [] : [{ slateId, eventId }])),
    ),
    adopted: changed.adopted,
  }

  function onSlate(event: SlateEvent, occurredAtMs: number): void {
    if (slates.has(event.slateId)) return
    const isLate = occurredAtMs <= options.joinedToMs
    // A slate that was ranked here carries what it was scored with.
    const served = event.modelVersion !== undefined
    const versionOf = (given: number | null | undefined, kind: 'item' | 'user', id: string) =>
      served ? (given ?? null) : versionAt(kind, id, occurredAtMs)
    const seen = (given: Tally | null | undefined, scope: TallyScope, key: string) =>
      served ? (given ?? null) : isLate ? null : (tallies.get(tallyKey(scope, key)) ?? null)
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
      historyEnd: served ? (event.historyEnd ?? 0) : isLate ? 0 : (historyEnds.get(event.userId) ?? 0),
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
    const next = { ...example, feedback: [...example.feedback, joined] }
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
    const keys: TallyKey[] = [
      { scope: 'user', key: userId },
      { scope: 'item', key: itemId },
      ...(keeps.userItemTallies ? [{ scope: 'user-item' as const, key: userItemKey(userId, itemId) }] : []),
    ]
    for (const { scope, key } of keys) {
      deferred.push(() => {
        const tally = change(tallies.get(tallyKey(scope, key)) ?? emptyTally)
        tallies.set(tallyKey(scope, key), tally)
        changed.tallies.set(tallyKey(scope, key), { scope, key, tally })
      })
    }
  }
}

const tallyKey = (scope: TallyScope, key: string) => `${scope} ${key}`
const exampleKey = (slateId: string, itemId: string) => JSON.stringify([slateId, itemId])
