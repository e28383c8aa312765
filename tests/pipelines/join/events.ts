import type {
  Event,
  FeedbackEvent,
  ImpressionEvent,
  ItemEvent,
  SlateEvent,
  UserEvent,
} from '../../../pipelines/ingest/events.ts'
import type { PendingEvent } from '../../../pipelines/join/ports.ts'

/** Short events of one user `u` at whole milliseconds; their ids say what they are. */
const at = (ms: number) => new Date(ms).toISOString()
const common = (eventId: string, ms: number) => ({ eventId, occurredAt: at(ms) })

export const slateAt = (ms: number, slateId: string, itemIds: readonly string[], more: Partial<SlateEvent> = {}) =>
  ({
    type: 'slate',
    ...common(`slate ${slateId} ${ms}`, ms),
    slateId,
    ranker: 'home',
    userId: 'u',
    items: itemIds.map((itemId) => ({ itemId })),
    ...more,
  }) satisfies SlateEvent
export const impressionAt = (ms: number, slateId: string, ...itemIds: string[]) =>
  ({
    type: 'impression',
    ...common(`impression ${slateId} ${itemIds} ${ms}`, ms),
    slateId,
    itemIds,
  }) satisfies ImpressionEvent
export const feedbackAt = (ms: number, itemId: string, kind: string, more: Partial<FeedbackEvent> = {}) =>
  ({
    type: 'feedback',
    ...common(`feedback ${itemId} ${kind} ${ms}`, ms),
    userId: 'u',
    itemId,
    kind,
    ...more,
  }) satisfies FeedbackEvent
export const itemAt = (ms: number, itemId: string, more: Partial<ItemEvent> = {}) =>
  ({ type: 'item', ...common(`item ${itemId} ${ms}`, ms), itemId, ...more }) satisfies ItemEvent
export const userAt = (ms: number, userId: string, more: Partial<UserEvent> = {}) =>
  ({ type: 'user', ...common(`user ${userId} ${ms}`, ms), userId, ...more }) satisfies UserEvent

export const pending = (events: readonly Event[], source = 'rest'): PendingEvent[] =>
  events.map((event) => ({ eventId: event.eventId, source, occurredAtMs: Date.parse(event.occurredAt), event }))
