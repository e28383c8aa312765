import Type from 'typebox'
import { Fault } from '../../../models/spec/fault.ts'
import type { EventOutcome } from '../../../pipelines/ingest/ingest.ts'
import type { DeadLetters, QuarantinedLetter } from '../../../pipelines/ingest/ports.ts'
import { problems } from '../problem.ts'
import type { App, RankerService } from '../service.ts'

/** What is told of a dead letter, wherever it is. */
export const letter = {
  id: Type.Integer(),
  eventId: Type.Union([Type.String(), Type.Null()]),
  code: Type.String(),
  path: Type.String(),
  message: Type.String(),
  source: Type.String(),
  receivedAt: Type.String(),
  topic: Type.Union([Type.String(), Type.Null()], {
    description: 'With `partition` and `offset`: where it stands in Kafka; `import:SOURCE:FILE` and the row in a file',
  }),
  partition: Type.Union([Type.Integer(), Type.Null()]),
  offset: Type.Union([Type.Integer(), Type.Null()]),
  attempts: Type.Integer({ description: 'How often it was taken in vain' }),
  resolution: Type.Union([Type.Literal('replayed'), Type.Literal('dropped'), Type.Null()]),
  resolvedAt: Type.Union([Type.String(), Type.Null()]),
}
const Letter = Type.Object(letter)
export type LetterBody = Type.Static<typeof Letter>

export const toLetter = ({ receivedAtMs, resolvedAtMs, ...rest }: QuarantinedLetter): LetterBody => ({
  ...rest,
  receivedAt: new Date(receivedAtMs).toISOString(),
  resolvedAt: resolvedAtMs === null ? null : new Date(resolvedAtMs).toISOString(),
})

/** What became of one event. */
export const Outcome = Type.Object({
  eventId: Type.Union([Type.String(), Type.Null()]),
  outcome: Type.Union([Type.Literal('accepted'), Type.Literal('duplicate'), Type.Literal('quarantined')]),
  code: Type.Optional(Type.String()),
  path: Type.Optional(
    Type.String({ description: 'JSON pointer; in a batch, its first part counts the events from 0' }),
  ),
  message: Type.Optional(Type.String()),
})

const LetterWithPayload = Type.Object({
  ...letter,
  payloadBase64: Type.String({ description: 'The bytes as they came' }),
  payloadText: Type.String({ description: 'The same read as UTF-8, for people' }),
})
export type LetterWithPayloadBody = Type.Static<typeof LetterWithPayload>

const params = Type.Object({ id: Type.String({ pattern: '^\\d{1,15}$' }) })

/** MUST stand in a scope whose bodies are bytes. */
export function deadLetterRoutes(app: App, { deadLetters, replay, drop, metrics }: RankerService): void {
  app.get(
    '/v1/dead-letters',
    {
      schema: {
        tags: ['events'],
        operationId: 'listDeadLetters',
        summary: 'Quarantined events that wait for somebody, newest first, at most 100',
        querystring: Type.Object({
          before: Type.Optional(Type.String({ pattern: '^\\d{1,15}$', description: 'Only older ones than this id' })),
          code: Type.Optional(Type.String({ maxLength: 256, description: 'Only those with this fault' })),
        }),
        response: { 200: Type.Object({ deadLetters: Type.Array(Letter) }), ...problems },
      },
    },
    async ({ query: { before, code } }) => ({
      deadLetters: (await deadLetters.list(before === undefined ? null : Number(before), code)).map(toLetter),
    }),
  )
  app.get(
    '/v1/dead-letters/:id',
    {
      schema: {
        tags: ['events'],
        operationId: 'getDeadLetter',
        summary: 'One quarantined event with its payload',
        description: 'One that has ended is told too, without its payload.',
        params,
        response: { 200: LetterWithPayload, ...problems },
      },
    },
    async (request) => {
      const found = await deadLetters.find(Number(request.params.id))
      if (found === null) throw unknownLetter()
      const { payload, ...rest } = found
      const bytes = Buffer.from(payload)
      return { ...toLetter(rest), payloadBase64: bytes.toString('base64'), payloadText: bytes.toString('utf8') }
    },
  )
  app.post(
    '/v1/dead-letters/:id/replay',
    {
      // Any bytes: one that is still bad is an outcome, not a problem.
      bodyLimit: 32 * 2 ** 20,
      schema: {
        tags: ['events'],
        operationId: 'replayDeadLetter',
        summary: 'Take a quarantined event once more, as it is or mended',
        description: 'It ends where it is accepted or a duplicate, and else stays, with the newest payload and fault.',
        params,
        body: {
          content: {
            'application/json': { schema: Type.Unknown({ description: 'The mended event; none takes it as it is' }) },
          },
        },
        response: { 200: Outcome, ...problems },
      },
    },
    async (request) => {
      const { id } = request.params
      const body = request.body as Uint8Array | undefined | null
      const outcome = await replay(Number(id), body === undefined || body === null || body.length === 0 ? null : body)
      if (outcome.outcome === 'unknown') throw await notOpen(Number(id), deadLetters)
      const told: EventOutcome = outcome
      metrics.events.inc({ outcome: told.outcome, code: told.code ?? '' })
      return told
    },
  )
  app.delete(
    '/v1/dead-letters/:id',
    {
      schema: {
        tags: ['events'],
        operationId: 'dropDeadLetter',
        summary: 'Let go of a quarantined event: its payload is deleted',
        params,
        response: { 200: Letter, ...problems },
      },
    },
    async (request) => {
      const id = Number(request.params.id)
      if (!(await drop(id))) throw await notOpen(id, deadLetters)
      const ended = await deadLetters.find(id)
      if (ended === null) throw unknownLetter()
      const { payload: _, ...rest } = ended
      return toLetter(rest)
    },
  )
}

const unknownLetter = () =>
  new Fault('DEAD_LETTER_UNKNOWN', 'There is no dead letter of this id; GET /v1/dead-letters lists them.', {
    path: '/id',
    status: 404,
  })

async function notOpen(id: number, letters: DeadLetters): Promise<Fault> {
  const found = await letters.find(id)
  if (found === null || found.resolution === null) return unknownLetter()
  const { resolution, resolvedAtMs } = found
  const when = resolvedAtMs === null ? '' : ` at ${new Date(resolvedAtMs).toISOString()}`
  const what = resolution === 'replayed' ? 'its event was taken in' : 'its payload is gone'
  return new Fault('DEAD_LETTER_ENDED', `This dead letter was ${resolution}${when}; ${what}.`, {
    path: '/id',
    status: 404,
  })
}
