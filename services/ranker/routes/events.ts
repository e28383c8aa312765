import Type from 'typebox'
import { Fault } from '../../../models/spec/fault.ts'
import {
  FeedbackEvent,
  ImpressionEvent,
  ItemEvent,
  id,
  SlateEvent,
  UserEvent,
} from '../../../pipelines/ingest/events.ts'
import type { ReceiptCursor } from '../../../pipelines/ingest/ports.ts'
import { jsonRecords, ndjsonRecords } from '../../../pipelines/ingest/records.ts'
import { countOutcomes } from '../metrics.ts'
import { problems } from '../problem.ts'
import type { App, RankerService } from '../service.ts'
import { deadLetterRoutes, letter, Outcome, toLetter } from './dead-letters.ts'

const bodyLimitBytes = 32 * 2 ** 20
const ndjson = 'application/x-ndjson'
const Event = Type.Union([SlateEvent, ImpressionEvent, FeedbackEvent, ItemEvent, UserEvent])

const Outcomes = Type.Object({
  accepted: Type.Integer(),
  duplicate: Type.Integer(),
  quarantined: Type.Integer(),
  results: Type.Array(Outcome, { description: 'One an event, in order' }),
})

const Trail = Type.Object({
  eventId: Type.String(),
  state: Type.Enum(['pending', 'orphan', 'joined', 'expired', 'quarantined']),
  type: Type.Optional(Type.String()),
  source: Type.String(),
  occurredAt: Type.Optional(Type.String()),
  receivedAt: Type.String(),
  slateId: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  examples: Type.Optional(Type.Array(Type.Object({ slateId: Type.String(), itemId: Type.String() }))),
  modelVersions: Type.Optional(Type.Array(Type.String(), { description: 'Versions that learnt from its examples' })),
  deadLetter: Type.Optional(Type.Object(letter)),
})

const Received = Type.Object({
  events: Type.Array(
    Type.Object({
      eventId: Type.String(),
      receivedAt: Type.String(),
      source: Type.String(),
      event: Type.Unknown({ description: 'As it is stored' }),
    }),
    { description: 'In the order of receipt' },
  ),
  next: Type.String({ description: 'Give it as `after`, now or later, for what follows' }),
})

export type OutcomesBody = Type.Static<typeof Outcomes>
export type TrailBody = Type.Static<typeof Trail>
export type ReceivedBody = Type.Static<typeof Received>

/** Younger ones are not told yet: events of a transaction that began before theirs may still come in before them. */
const settledMs = 1_000
const mostReceived = 1_000

export function eventRoutes(app: App, service: RankerService): void {
  takeEvents(app, service)
  app.get(
    '/v1/events',
    {
      schema: {
        tags: ['events'],
        operationId: 'listReceivedEvents',
        summary: 'Accepted events in the order of receipt: the last ones, or those after a place',
        description: `For looking on: ask again with \`after\` for what came since. An event is told once it is ${settledMs / 1_000} s old; one that a slower transaction stores may be left out.`,
        querystring: Type.Object({
          after: Type.Optional(
            Type.String({ pattern: '^\\d{1,15}(:[\\s\\S]{1,256})?$', description: '`next` of an answer before' }),
          ),
          limit: Type.Optional(Type.String({ pattern: '^\\d{1,4}$', description: `At most ${mostReceived}; 100` })),
        }),
        response: { 200: Received, ...problems },
      },
    },
    async ({ query: { after, limit } }) => {
      const untilMs = service.nowMs() - settledMs
      const wanted = Math.max(1, Math.min(mostReceived, Number(limit ?? 100)))
      const events = await service.ledger.received(after === undefined ? null : toCursor(after), untilMs, wanted)
      const last = events.at(-1)
      return {
        events: events.map(({ eventId, receivedAtMs, source, event }) => ({
          eventId,
          receivedAt: iso(receivedAtMs),
          source,
          event,
        })),
        next: last === undefined ? (after ?? `${untilMs}`) : `${last.receivedAtMs}:${last.eventId}`,
      }
    },
  )
  app.get(
    '/v1/events/:eventId',
    {
      schema: {
        tags: ['events'],
        operationId: 'traceEvent',
        summary: 'What became of an event',
        params: Type.Object({ eventId: id }),
        response: { 200: Trail, ...problems },
      },
    },
    async (request) => {
      const { eventId } = request.params
      const trail = await service.ledger.trail(eventId)
      if (trail === null) {
        throw new Fault('EVENT_UNKNOWN', 'No event of this id has come; it was not accepted, so send it again.', {
          path: '/eventId',
          status: 404,
        })
      }
      if (trail.state === 'quarantined') {
        const deadLetter = toLetter(trail.letter)
        return { eventId, state: trail.state, source: deadLetter.source, receivedAt: deadLetter.receivedAt, deadLetter }
      }
      const { occurredAtMs, receivedAtMs, examples, modelVersions, ...rest } = trail
      return {
        ...rest,
        occurredAt: iso(occurredAtMs),
        receivedAt: iso(receivedAtMs),
        examples: [...examples],
        modelVersions: [...modelVersions],
      }
    },
  )
  deadLetterRoutes(app, service)
}

function toCursor(text: string): ReceiptCursor {
  const colon = text.indexOf(':')
  return colon === -1
    ? { receivedAtMs: Number(text), eventId: '' }
    : { receivedAtMs: Number(text.slice(0, colon)), eventId: text.slice(colon + 1) }
}

const iso = (ms: number) => new Date(ms).toISOString()

function takeEvents(app: App, { ingest, metrics }: RankerService): void {
  // Bytes as they came: a record that is no JSON is kept as it is.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(['application/json', ndjson], { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )
  app.post(
    '/v1/events',
    {
      bodyLimit: bodyLimitBytes,
      // Each event is checked by itself, so that a bad one spoils no other.
      validatorCompiler: () => () => true,
      schema: {
        tags: ['events'],
        operationId: 'sendEvents',
        summary: 'Take events in: one, an array, or one a line',
        description: 'Always answers with one outcome an event; `accepted` is said only of what is stored.',
        body: {
          content: {
            'application/json': { schema: Type.Union([Event, Type.Array(Event)]) },
            [ndjson]: { schema: Type.String({ description: 'One event a line' }) },
          },
        },
        response: { 200: Outcomes, ...problems },
      },
    },
    async (request) => {
      const body = request.body as Uint8Array
      const isLines = request.headers['content-type']?.toLowerCase().startsWith(ndjson) === true
      const results = await ingest(isLines ? ndjsonRecords(body) : jsonRecords(body))
      const count = (wanted: string) => results.filter(({ outcome }) => outcome === wanted).length
      countOutcomes(metrics, results)
      return {
        accepted: count('accepted'),
        duplicate: count('duplicate'),
        quarantined: count('quarantined'),
        results: [...results],
      }
    },
  )
}
