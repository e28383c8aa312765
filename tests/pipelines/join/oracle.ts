import type { ImpressionPolicy } from '../../../models/spec/ranker.ts'
import type { JoinedFeedback, Tally } from '../../../models/spec/slate.ts'
import type { Event, FeedbackEvent, SlateEvent } from '../../../pipelines/ingest/events.ts'
import type { Keeps } from '../../../pipelines/join/fold.ts'
import type { Clock, PendingEvent } from '../../../pipelines/join/ports.ts'

type Placed<Kind extends Event['type']> = {
  readonly index: number
  readonly atMs: number
  readonly event: Extract<Event, { readonly type: Kind }>
}
interface Change {
  /** Of the event that made it. */
  readonly index: number
  readonly clock: Clock
  /** Counts for what comes strictly after. */
  readonly fromMs: number
  readonly day: number
  readonly userId: string
  readonly itemId: string
  /** Null for an impression. */
  readonly kind: string | null
  readonly atMs: number
}

/** An event, and the batch in which it was joined. */
export type JoinedEvent = PendingEvent & { readonly batch: number }

/**
 * What the join of all of `events`, in the order in which they were joined, must come to, said by looking at all of them
 * at once: each figure is a filter over the events, and nothing is carried along.
 */
export function expectedJoin(
  events: readonly JoinedEvent[],
  policies: Readonly<Record<string, ImpressionPolicy>>,
  keeps: Keeps,
) {
  const ofType = <Kind extends Event['type']>(type: Kind) =>
    events.flatMap(({ event, occurredAtMs }, index): Placed<Kind>[] =>
      event.type === type ? [{ index, atMs: occurredAtMs, event: event as Placed<Kind>['event'] }] : [],
    )
  const [impressions, feedback] = [ofType('impression'), ofType('feedback')]
  const slates = ofType('slate').filter(
    ({ event }, i, all) => all.findIndex((other) => other.event.slateId === event.slateId) === i,
  )
  const catalog = events
    .filter(({ event }) => event.type === 'item' || event.type === 'user')
    .map((each, i) => ({ ...each, version: i + 1 }))
  /** The newest at a moment, of what came no later than the batch of `index`. */
  const versionOf = (kind: 'item' | 'user', id: string, atMs: number, index: number) =>
    catalog
      .filter(
        ({ event, occurredAtMs, batch }) =>
          batch <= events[index]!.batch &&
          occurredAtMs <= atMs &&
          event.type === kind &&
          (event.type === 'item' ? event.itemId : event.userId) === id,
      )
      .sort((a, b) => a.occurredAtMs - b.occurredAtMs || a.version - b.version)
      .at(-1)?.version ?? null

  const shown = slates.flatMap((slate) =>
    slate.event.items.flatMap(({ itemId }, position) => {
      const triggers = triggersOf(slate, itemId, position)
      return triggers.length === 0 ? [] : [{ slate, itemId, position, trigger: Math.min(...triggers) }]
    }),
  )
  const changes: readonly Change[] = [
    ...shown.map(({ slate, itemId, trigger }) => ({
      index: trigger,
      clock: clockAt(trigger),
      fromMs: events[trigger]!.occurredAtMs,
      day: dayOf(slate.atMs),
      userId: slate.event.userId,
      itemId,
      kind: null,
      atMs: slate.atMs,
    })),
    ...feedback.map(({ index, atMs, event: { userId, itemId, kind } }) => ({
      ...{ index, clock: clockAt(index) },
      ...{ fromMs: atMs, day: dayOf(atMs), userId, itemId, kind, atMs },
    })),
  ]
  const tallyOf = (which: (change: Change) => boolean) => tallyFrom(changes.filter(which), keeps.days)
  const clocks = [...new Set(events.map((_, i) => clockAt(i)))]
  /** Changes that a slate may see: earlier ones of its clock, unless it is late, and of clocks that end before it. */
  const isSeenBy =
    ({ index, atMs }: Placed<'slate'>) =>
    (change: Change): boolean => {
      const before = events.filter((_, i) => i < index && clockAt(i) === change.clock)
      const isOwn = change.clock === clockAt(index)
      const passed = isOwn ? before.filter(({ batch }) => batch < events[index]!.batch) : before
      return (
        passed.every(({ occurredAtMs }) => occurredAtMs < atMs) &&
        change.index < index &&
        (!isOwn || change.fromMs < atMs)
      )
    }

  return {
    slates: slates.map((slate) => joinedSlate(slate)),
    examples: shown.map(({ slate, itemId, position }) => ({
      slateId: slate.event.slateId,
      itemId,
      ranker: slate.event.ranker!,
      position,
      occurredAtMs: slate.atMs,
      feedback: feedbackOn(slate, itemId),
    })),
    tallies: clocks.flatMap((clock) => {
      const own = changes.filter((change) => change.clock === clock)
      const scopes = {
        user: ({ userId }: Change) => userId,
        item: ({ itemId }: Change) => itemId,
        ...(keeps.userItemTallies
          ? { 'user-item': ({ userId, itemId }: Change) => JSON.stringify([userId, itemId]) }
          : {}),
      }
      return Object.entries(scopes).flatMap(([scope, keyOf]) =>
        [...new Set(own.map(keyOf))].map((key) => ({
          ...{ clock, scope, key, tally: tallyOf((change) => change.clock === clock && keyOf(change) === key) },
        })),
      )
    }),
    history: (keeps.history ? feedback : []).map(({ index, atMs, event: { userId, itemId, kind } }) => ({
      userId,
      sequence: feedback.filter((other) => other.event.userId === userId && other.index <= index).length,
      itemId,
      itemVersion: versionOf('item', itemId, atMs, index),
      kind,
      occurredAtMs: atMs,
    })),
    orphans: events.flatMap(({ event, eventId }) =>
      (event.type === 'impression' || event.type === 'feedback') && event.slateId !== undefined && waits(event)
        ? [JSON.stringify([event.slateId, eventId])]
        : [],
    ),
  }

  function clockAt(index: number): Clock {
    const { source } = events[index]!
    return source === 'rest' || source === 'kafka' ? '' : `@${source}`
  }

  /** Events that show the item; what names a slate that is yet to come shows it when it comes. */
  function triggersOf({ event, index }: Placed<'slate'>, itemId: string, position: number): number[] {
    const policy = policies[event.ranker!]
    const first =
      (event.modelVersion === undefined || policy === 'top') && position < (event.limit ?? 10) ? [index] : []
    const named = impressions.filter(({ event: own }) => own.slateId === event.slateId && own.itemIds.includes(itemId))
    const below = feedback.filter(
      ({ event: own }) => own.slateId === event.slateId && positionOf(event, own.itemId) >= position,
    )
    const later = policy === 'explicit' ? named : policy === 'until-last-feedback' ? below : []
    return [...first, ...later.map((each) => Math.max(each.index, index))]
  }

  function feedbackOn(slate: Placed<'slate'>, itemId: string): JoinedFeedback[] {
    return feedback
      .filter(({ event }) => event.slateId === slate.event.slateId && event.itemId === itemId)
      .map(({ event, atMs }) => ({ kind: event.kind, value: event.value ?? null, occurredAtMs: atMs }))
      .sort((a, b) => a.occurredAtMs - b.occurredAtMs || (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : least(a, b)))
  }

  function waits(event: { readonly type: string; readonly slateId?: string; readonly itemId?: string }): boolean {
    const slate = slates.find((each) => each.event.slateId === event.slateId)
    if (slate === undefined) return true
    if (event.type === 'impression' || policies[slate.event.ranker!] !== 'explicit') return false
    const isThere = positionOf(slate.event, event.itemId!) !== -1
    return isThere && !shown.some((each) => each.slate === slate && each.itemId === event.itemId)
  }

  function joinedSlate(slate: Placed<'slate'>) {
    const { event, atMs, index } = slate
    const isServed = event.modelVersion !== undefined
    const isSeen = isSeenBy(slate)
    const before = (given: Tally | null | undefined, isOf: (change: Change) => boolean) =>
      isServed ? (given ?? null) : tallyOf((change) => isOf(change) && isSeen(change))
    const past = keeps.history
      ? feedback.filter((each) => each.event.userId === event.userId && each.index < index)
      : []
    return {
      slateId: event.slateId,
      source: events[index]!.source,
      ranker: event.ranker!,
      definitionHash: event.definitionHash ?? null,
      modelVersion: event.modelVersion ?? null,
      userId: event.userId,
      occurredAtMs: atMs,
      context: event.context ?? {},
      user: event.user ?? {},
      userVersion: isServed ? event.userVersion! : versionOf('user', event.userId, atMs, index),
      userTally: before(event.userTally, ({ userId }) => userId === event.userId),
      historyEnd: isServed ? event.historyEnd! : past.length,
      items: event.items.map((item) => ({
        itemId: item.itemId,
        ...(item.features === undefined ? {} : { features: item.features }),
        version: isServed ? item.version! : versionOf('item', item.itemId, atMs, index),
        tally: before(item.tally, ({ itemId }) => itemId === item.itemId),
        userItemTally: keeps.userItemTallies
          ? before(item.userItemTally, ({ userId, itemId }) => userId === event.userId && itemId === item.itemId)
          : null,
      })),
    }
  }
}

const least = (a: JoinedFeedback, b: JoinedFeedback) =>
  (a.value ?? Number.NEGATIVE_INFINITY) < (b.value ?? Number.NEGATIVE_INFINITY) ? -1 : 1
const dayOf = (atMs: number) => Math.floor(atMs / 86_400_000)
const positionOf = ({ items }: SlateEvent, itemId: FeedbackEvent['itemId']) =>
  items.findIndex((item) => item.itemId === itemId)

function tallyFrom(changes: readonly Change[], byDay: boolean): Tally | null {
  if (changes.length === 0) return null
  const shownAt = changes.filter(({ kind }) => kind === null).map(({ atMs }) => atMs)
  const countsOf = (own: readonly Change[]) => ({
    impressions: own.filter(({ kind }) => kind === null).length,
    feedback: Object.fromEntries(
      own.flatMap(({ kind }) => (kind === null ? [] : [[kind, own.filter((each) => each.kind === kind).length]])),
    ),
  })
  const newest = Math.max(...changes.map(({ day }) => day))
  const days = [...new Set(changes.map(({ day }) => day))].filter((day) => day > newest - 30).sort((a, b) => a - b)
  return {
    ...countsOf(changes),
    lastImpressionAtMs: shownAt.length === 0 ? null : Math.max(...shownAt),
    ...(byDay ? { days: days.map((day) => ({ day, ...countsOf(changes.filter((each) => each.day === day)) })) } : {}),
  }
}
