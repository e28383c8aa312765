import type { ImpressionPolicy } from '../../../models/spec/ranker.ts'
import type { JoinedFeedback, Tally } from '../../../models/spec/slate.ts'
import type { Event, FeedbackEvent, SlateEvent } from '../../../pipelines/ingest/events.ts'
import type { Keeps } from '../../../pipelines/join/fold.ts'
import type { PendingEvent } from '../../../pipelines/join/ports.ts'

type Placed<Kind extends Event['type']> = {
  readonly index: number
  readonly atMs: number
  readonly event: Extract<Event, { readonly type: Kind }>
}
interface Change {
  /** Counts for what comes strictly after. */
  readonly fromMs: number
  readonly day: number
  readonly userId: string
  readonly itemId: string
  /** Null for an impression. */
  readonly kind: string | null
  readonly atMs: number
}

/**
 * What the join of all of `events`, in order, must come to, said by looking at all of them at once: each figure is a
 * filter over the events, and nothing is carried along.
 */
export function expectedJoin(
  events: readonly PendingEvent[],
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
  const catalog = events.filter(({ event }) => event.type === 'item' || event.type === 'user')
  const versionOf = (kind: 'item' | 'user', id: string, atMs: number) =>
    catalog.reduce<number | null>(
      (found, { event, occurredAtMs }, i) =>
        occurredAtMs <= atMs && event.type === kind && (event.type === 'item' ? event.itemId : event.userId) === id
          ? i + 1
          : found,
      null,
    )

  const shown = slates.flatMap((slate) =>
    slate.event.items.flatMap(({ itemId }, position) => {
      const triggers = triggersOf(slate, itemId, position)
      return triggers.length === 0 ? [] : [{ slate, itemId, position, trigger: Math.min(...triggers) }]
    }),
  )
  const changes: readonly Change[] = [
    ...shown.map(({ slate, itemId, trigger }) => ({
      fromMs: events[trigger]!.occurredAtMs,
      day: dayOf(slate.atMs),
      userId: slate.event.userId,
      itemId,
      kind: null,
      atMs: slate.atMs,
    })),
    ...feedback.map(({ atMs, event: { userId, itemId, kind } }) => ({
      ...{ fromMs: atMs, day: dayOf(atMs), userId, itemId, kind, atMs },
    })),
  ]
  const tallyBefore = (beforeMs: number, isOf: (change: Change) => boolean) =>
    tallyFrom(
      changes.filter((change) => change.fromMs < beforeMs && isOf(change)),
      keeps.days,
    )
  const pairs = [...new Set(changes.map(({ userId, itemId }) => JSON.stringify([userId, itemId])))]

  return {
    slates: slates.map((slate) => joinedSlate(slate)),
    examples: shown.map(({ slate, itemId, position, trigger }) => ({
      slateId: slate.event.slateId,
      itemId,
      ranker: slate.event.ranker!,
      position,
      occurredAtMs: slate.atMs,
      feedback: feedbackOn(slate, itemId, trigger),
    })),
    tallies: [
      ...[...new Set(changes.map(({ userId }) => userId))].map((key) => ({
        ...{ scope: 'user', key, tally: tallyBefore(Number.POSITIVE_INFINITY, ({ userId }) => userId === key) },
      })),
      ...[...new Set(changes.map(({ itemId }) => itemId))].map((key) => ({
        ...{ scope: 'item', key, tally: tallyBefore(Number.POSITIVE_INFINITY, ({ itemId }) => itemId === key) },
      })),
      ...(keeps.userItemTallies ? pairs : []).map((key) => ({
        scope: 'user-item',
        key,
        tally: tallyBefore(Number.POSITIVE_INFINITY, ({ userId, itemId }) => JSON.stringify([userId, itemId]) === key),
      })),
    ],
    history: (keeps.history ? feedback : []).map(({ index, atMs, event: { userId, itemId, kind } }) => ({
      userId,
      sequence: feedback.filter((other) => other.event.userId === userId && other.index <= index).length,
      itemId,
      itemVersion: versionOf('item', itemId, atMs),
      kind,
      occurredAtMs: atMs,
    })),
    orphans: events.flatMap(({ event, eventId }) =>
      (event.type === 'impression' || event.type === 'feedback') && event.slateId !== undefined && waits(event)
        ? [JSON.stringify([event.slateId, eventId])]
        : [],
    ),
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

  function feedbackOn(slate: Placed<'slate'>, itemId: string, shownBy: number): JoinedFeedback[] {
    return feedback
      .filter(({ event }) => event.slateId === slate.event.slateId && event.itemId === itemId)
      .map((each) => ({ each, met: Math.max(each.index, slate.index, shownBy) }))
      .sort((a, b) => a.met - b.met || a.each.index - b.each.index)
      .map(({ each: { event, atMs } }) => ({ kind: event.kind, value: event.value ?? null, occurredAtMs: atMs }))
  }

  function waits(event: { readonly type: string; readonly slateId?: string; readonly itemId?: string }): boolean {
    const slate = slates.find((each) => each.event.slateId === event.slateId)
    if (slate === undefined) return true
    if (event.type === 'impression' || policies[slate.event.ranker!] !== 'explicit') return false
    const isThere = positionOf(slate.event, event.itemId!) !== -1
    return isThere && !shown.some((each) => each.slate === slate && each.itemId === event.itemId)
  }

  function joinedSlate({ event, atMs }: Placed<'slate'>) {
    const isServed = event.modelVersion !== undefined
    const before = (given: Tally | null | undefined, isOf: (change: Change) => boolean) =>
      isServed ? (given ?? null) : tallyBefore(atMs, isOf)
    const past = keeps.history ? feedback.filter((each) => each.event.userId === event.userId && each.atMs < atMs) : []
    return {
      slateId: event.slateId,
      source: 'import',
      ranker: event.ranker!,
      definitionHash: event.definitionHash ?? null,
      modelVersion: event.modelVersion ?? null,
      userId: event.userId,
      occurredAtMs: atMs,
      context: event.context ?? {},
      user: event.user ?? {},
      userVersion: isServed ? event.userVersion! : versionOf('user', event.userId, atMs),
      userTally: before(event.userTally, ({ userId }) => userId === event.userId),
      historyEnd: isServed ? event.historyEnd! : past.length,
      items: event.items.map((item) => ({
        itemId: item.itemId,
        ...(item.features === undefined ? {} : { features: item.features }),
        version: isServed ? item.version! : versionOf('item', item.itemId, atMs),
        tally: before(item.tally, ({ itemId }) => itemId === item.itemId),
        userItemTally: keeps.userItemTallies
          ? before(item.userItemTally, ({ userId, itemId }) => userId === event.userId && itemId === item.itemId)
          : null,
      })),
    }
  }
}

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
