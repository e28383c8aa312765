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
import type { QuarantinedLetter } from '../../../pipelines/ingest/ports.ts'
import { jsonRecords, ndjsonRecords } from '../../../pipelines/ingest/records.ts'
import { problems } from '../problem.ts'
import type { App, RankerService } from '../service.ts'

const bodyLimitBytes = 32 * 2 ** 20
const ndjson = 'application/x-ndjson'
const Event = Type.Union([SlateEvent, ImpressionEvent, FeedbackEvent, ItemEvent, UserEvent])

const Outcomes = Type.Object({
  accepted: Type.Integer(),
  duplicate: Type.Integer(),
  quarantined: Type.Integer(),
  results: Type.Array(
    Type.Object({
      eventId: Type.Union([Type.String(), Type.Null()]),
      outcome: Type.Union([Type.Literal('accepted'), Type.Literal('duplicate'), Type.Literal('quarantined')]),
      code: Type.Optional(Type.String()),
      path: Type.Optional(Type.String({ description: 'JSON pointer; its first part counts the events from 0' })),
      message: Type.Optional(Type.String()),
    }),
    { description: 'One an event, in order' },
  ),
})

const letter = {
  id: Type.Integer(),
  eventId: Type.Union([Type.String(), Type.Null()]),
  code: Type.String(),
  path: Type.String(),
  message: Type.String(),
  source: Type.String(),
  receivedAt: Type.String(),
  topic: Type.Union([Type.String(), Type.Null()], {
    description: 'With `partition` and `offset`: where it stands in Kafka',
  }),
  partition: Type.Union([Type.Integer(), Type.Null()]),
  offset: Type.Union([Type.Integer(), Type.Null()]),
  attempts: Type.Integer({ description: 'How often it was taken in vain' }),
  resolution: Type.Union([Type.Literal('replayed'), Type.Literal('dropped'), Type.Null()]),
  resolvedAt: Type.Union([Type.String(), Type.Null()]),
}
const Trail = Type.Object({
  eventId: Type.String(),
  state: Type.Enum(['pending', 'orphan', 'joined', 'quarantined']),
  type: Type.Optional(Type.String()),
  source: Type.String(),
  occurredAt: Type.Optional(Type.String()),
  receivedAt: Type.String(),
  slateId: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  examples: Type.Optional(Type.Array(Type.Object({ slateId: Type.String(), itemId: Type.String() }))),
  modelVersions: Type.Optional(Type.Array(Type.String(), { description: 'Versions that learnt from its examples' })),
  deadLetter: Type.Optional(Type.Object(letter)),
})

export function eventRoutes(app: App, service: RankerService): void {
  takeEvents(app, service)
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

const iso = (ms: number) => new Date(ms).toISOString()
const toLetter = ({ receivedAtMs, resolvedAtMs, ...rest }: QuarantinedLetter) => ({
  ...rest,
  receivedAt: iso(receivedAtMs),
  resolvedAt: resolvedAtMs === null ? null : iso(resolvedAtMs),
})

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
      for (const { outcome, code = '' } of results) metrics.events.inc({ outcome, code })
      return {
        accepted: count('accepted'),
        duplicate: count('duplicate'),
        quarantined: count('quarantined'),
        results: [...results],
      }
    },
  )
}

function deadLetterRoutes(app: App, { deadLetters }: RankerService): void {
  app.get(
    '/v1/dead-letters',
    {
      schema: {
        tags: ['events'],
        operationId: 'listDeadLetters',
        summary: 'Quarantined events, newest first',
        querystring: Type.Object({
          before: Type.Optional(Type.String({ pattern: '^\\d{1,15}$', description: 'Only older ones than this id' })),
        }),
        response: { 200: Type.Object({ deadLetters: Type.Array(Type.Object(letter)) }), ...problems },
      },
    },
    async ({ query: { before } }) => ({
      deadLetters: (await deadLetters.list(before === undefined ? null : Number(before))).map(toLetter),
    }),
  )
  app.get(
    '/v1/dead-letters/:id',
    {
      schema: {
        tags: ['events'],
        operationId: 'getDeadLetter',
        summary: 'One quarantined event with its payload',
        params: Type.Object({ id: Type.String({ pattern: '^\\d{1,15}$' }) }),
        response: {
          200: Type.Object({
            ...letter,
            payloadBase64: Type.String({ description: 'The bytes as they came' }),
            payloadText: Type.String({ description: 'The same read as UTF-8, for people' }),
          }),
          ...problems,
        },
      },
    },
    async (request) => {
      const found = await deadLetters.find(Number(request.params.id))
      if (found === null) {
        throw new Fault('DEAD_LETTER_UNKNOWN', 'There is no dead letter of this id; GET /v1/dead-letters lists them.', {
          path: '/id',
          status: 404,
        })
      }
      const { payload, ...rest } = found
      const bytes = Buffer.from(payload)
      return { ...toLetter(rest), payloadBase64: bytes.toString('base64'), payloadText: bytes.toString('utf8') }
    },
  )
}
