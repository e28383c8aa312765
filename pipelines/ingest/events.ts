import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { FeatureValues } from '../../models/spec/features.ts'

const closed = { additionalProperties: false }
// Storages hold neither NUL nor half a surrogate pair, and one such text would spoil a whole batch.
const wholeText = '[^\\u0000\\ud800-\\udfff]'
const nameText = '[^\\u0000-\\u001f\\ud800-\\udfff]'
export const id = Type.String({ minLength: 1, maxLength: 256, pattern: `^${nameText}+$` })
const text = Type.String({ maxLength: 4096, pattern: `^${wholeText}*$` })
const featureValue = Type.Union([text, Type.Number(), Type.Boolean(), Type.Null(), Type.Array(text, { maxItems: 256 })])
// Names of a record are held to their pattern alone, and to that only where it is closed.
const featureName = Type.String({ pattern: `^${nameText}{1,128}$` })
export const features = Type.Unsafe<FeatureValues>(
  Type.Record(featureName, featureValue, { maxProperties: 256, ...closed }),
)
const whole = { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }
const count = Type.Integer({ ...whole, minimum: 0 })
const kindCounts = Type.Record(Type.String({ pattern: `^${nameText}{1,256}$` }), count, closed)

const common = {
  eventId: id,
  occurredAt: Type.String({ maxLength: 40, description: 'RFC 3339, with an offset or Z' }),
  schemaVersion: Type.Optional(Type.Literal(1)),
}
const tally = Type.Union([
  Type.Null(),
  Type.Object(
    {
      impressions: count,
      feedback: kindCounts,
      lastImpressionAtMs: Type.Union([Type.Integer(whole), Type.Null()]),
      days: Type.Optional(
        Type.Array(Type.Object({ day: Type.Integer(whole), impressions: count, feedback: kindCounts }, closed)),
      ),
    },
    closed,
  ),
])

const reference = Type.Union([Type.Null(), Type.Integer(whole)])

/** What only a slate that was ranked here has: the version that ranked it, and references to what it was ranked by. */
function served<Fields extends Type.TProperties>(
  fields: Fields,
): { [Name in keyof Fields]: Type.TOptional<Fields[Name]> } {
  return Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, Type.Optional(schema)])) as {
    [Name in keyof Fields]: Type.TOptional<Fields[Name]>
  }
}

export const SlateEvent = Type.Object(
  {
    type: Type.Literal('slate'),
    ...common,
    slateId: id,
    ranker: Type.Optional(id),
    userId: id,
    user: Type.Optional(Type.Unsafe<FeatureValues>({ ...features, description: 'Overlays the catalogue' })),
    context: Type.Optional(features),
    limit: Type.Optional(
      Type.Integer({ minimum: 0, description: 'How many of the first items were meant to be shown' }),
    ),
    items: Type.Array(
      Type.Object(
        {
          itemId: id,
          features: Type.Optional(features),
          score: Type.Optional(Type.Number()),
          ...served({ version: reference, tally, userItemTally: tally }),
        },
        closed,
      ),
      { minItems: 1, maxItems: 10_000 },
    ),
    ...served({ modelVersion: id, definitionHash: id, userVersion: reference, userTally: tally, historyEnd: count }),
  },
  closed,
)

export const ImpressionEvent = Type.Object(
  {
    type: Type.Literal('impression'),
    ...common,
    slateId: id,
    itemIds: Type.Array(id, { minItems: 1, maxItems: 10_000 }),
  },
  closed,
)

export const FeedbackEvent = Type.Object(
  {
    type: Type.Literal('feedback'),
    ...common,
    userId: id,
    itemId: id,
    slateId: Type.Optional(id),
    kind: id,
    value: Type.Optional(Type.Number()),
  },
  closed,
)

export const ItemEvent = Type.Object(
  {
    type: Type.Literal('item'),
    ...common,
    itemId: id,
    features: Type.Optional(features),
    deleted: Type.Optional(Type.Boolean()),
  },
  closed,
)

export const UserEvent = Type.Object(
  {
    type: Type.Literal('user'),
    ...common,
    userId: id,
    features: Type.Optional(features),
    deleted: Type.Optional(Type.Boolean()),
  },
  closed,
)

export type SlateEvent = Static<typeof SlateEvent>
export type ImpressionEvent = Static<typeof ImpressionEvent>
export type FeedbackEvent = Static<typeof FeedbackEvent>
export type ItemEvent = Static<typeof ItemEvent>
export type UserEvent = Static<typeof UserEvent>
export type Event = SlateEvent | ImpressionEvent | FeedbackEvent | ItemEvent | UserEvent

/** By `type`. */
export const eventSchemas = {
  slate: SlateEvent,
  impression: ImpressionEvent,
  feedback: FeedbackEvent,
  item: ItemEvent,
  user: UserEvent,
}
export const eventTypes = Object.keys(eventSchemas) as readonly (keyof typeof eventSchemas)[]
const checks = Object.fromEntries(Object.entries(eventSchemas).map(([type, schema]) => [type, Compile(schema)]))

/** What is wrong with an event: a stable code, a JSON pointer into it, and the way out. */
export interface EventFault {
  readonly code: string
  readonly path: string
  readonly message: string
}
export type Validated =
  | { readonly ok: true; readonly event: Event; readonly occurredAtMs: number }
  | { readonly ok: false; readonly fault: EventFault }

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i
const mostAheadMs = 5 * 60_000

/** Checks one parsed value against the schema of its `type`. `nowMs` bounds how far ahead of the clock an event may be. */
export function validateEvent(value: unknown, nowMs: number): Validated {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return fault('EVENT_FIELD_INVALID', '', 'An event is a JSON object, such as {"type": "feedback", ...}.')
  }
  const { type } = value as { type?: unknown }
  const check = typeof type === 'string' && Object.hasOwn(checks, type) ? checks[type]! : undefined
  if (check === undefined) {
    return fault('EVENT_TYPE_UNKNOWN', '/type', `"type" must be one of ${eventTypes.join(', ')}.`)
  }
  if (!check.Check(value)) return explain(check.Errors(value))
  const event = value as Event
  const occurredAtMs = momentOf(event.occurredAt)
  if (Number.isNaN(occurredAtMs)) {
    return fault(
      'EVENT_FIELD_INVALID',
      '/occurredAt',
      '"occurredAt" must be an RFC 3339 time such as 2026-01-31T08:00:00Z.',
    )
  }
  if (occurredAtMs > nowMs + mostAheadMs) {
    return fault(
      'EVENT_TIME_IN_FUTURE',
      '/occurredAt',
      `"occurredAt" is more than ${mostAheadMs / 60_000} minutes ahead of this server's clock; correct the sender's clock.`,
    )
  }
  return { ok: true, event, occurredAtMs }
}

/** NaN where it is no RFC 3339 time, or its day is in no calendar: `Date.parse` reads 30 February as 2 March. */
function momentOf(text: string): number {
  const [, year, month, day] = rfc3339.exec(text) ?? []
  if (day === undefined) return Number.NaN
  const lastDay = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
  return Number(day) <= lastDay ? Date.parse(text) : Number.NaN
}

const idCheck = Compile(id)
/** The id that an event gives itself, however broken the rest of it is; null where it could not be one. */
export function eventIdOf(value: unknown): string | null {
  const given = (value as { eventId?: unknown } | null)?.eventId
  return idCheck.Check(given) ? given : null
}

const fault = (code: string, path: string, message: string): Validated => ({
  ok: false,
  fault: { code, path, message },
})

interface SchemaError {
  readonly keyword: string
  readonly schemaPath: string
  readonly instancePath: string
  readonly params: object
  readonly message: string
}

function explain(errors: readonly SchemaError[]): Validated {
  const [error] = errors
  if (error === undefined) return fault('EVENT_FIELD_INVALID', '', 'The event is invalid.')
  const { keyword, schemaPath, instancePath, message } = error
  const params: { requiredProperties?: unknown; allowedValue?: unknown } = error.params
  const name = instancePath.split('/').at(-1)
  if (keyword === 'required') {
    const missing = Array.isArray(params.requiredProperties) ? String(params.requiredProperties[0]) : ''
    return fault('EVENT_FIELD_MISSING', `${instancePath}/${missing}`, `The field "${missing}" is missing; add it.`)
  }
  if (keyword === 'boolean' && /\/(features|user|context|feedback)\/additionalProperties$/.test(schemaPath)) {
    return fault('EVENT_FIELD_INVALID', instancePath, 'This name is empty, too long, or has control characters.')
  }
  if (keyword === 'additionalProperties' || keyword === 'boolean') {
    return fault(
      'EVENT_FIELD_UNKNOWN',
      instancePath,
      `The field "${name}" is not known here; correct its name, or put it into "features".`,
    )
  }
  if (keyword === 'type' && schemaPath.endsWith('/anyOf/0')) return explainChoice(error, errors)
  const wanted =
    keyword === 'const'
      ? `must be ${JSON.stringify(params.allowedValue)}`
      : keyword === 'pattern'
        ? 'has control characters or half a surrogate pair; leave them out'
        : message
  return fault('EVENT_FIELD_INVALID', instancePath, `The value at ${instancePath} ${wanted}.`)
}

/** What is wrong inside the one choice whose type fits, or else the types there are to choose from. */
function explainChoice({ schemaPath, instancePath }: SchemaError, errors: readonly SchemaError[]): Validated {
  const choice = schemaPath.slice(0, -1)
  const own = errors.filter((error) => error.schemaPath.startsWith(choice))
  const inside = own.filter((error) => error.keyword !== 'type' || error.instancePath !== instancePath)
  if (inside.length > 0) return explain(inside)
  const types = own.map(({ message }) => message.replace('must be ', ''))
  return fault('EVENT_FIELD_INVALID', instancePath, `The value at ${instancePath} must be ${types.join(' or ')}.`)
}
