import Type from 'typebox'
import { Fault } from '../../../models/spec/fault.ts'
import { id } from '../../../pipelines/ingest/events.ts'
import type { Job } from '../../../pipelines/training/jobs.ts'
import { versionToStartFrom } from '../../../pipelines/training/warm-start.ts'
import { problems } from '../problem.ts'
import type { App, RankerService } from '../service.ts'

const nullable = <Schema extends Type.TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

export const JobBody = Type.Object({
  id: Type.String(),
  kind: Type.Literal('train'),
  ranker: Type.String(),
  from: nullable(Type.String({ description: 'The version that weights start from' })),
  state: Type.Enum(['queued', 'running', 'completed', 'failed', 'cancelled']),
  attempts: Type.Integer(),
  progress: nullable(
    Type.Object({
      stage: Type.String(),
      done: Type.Number(),
      of: Type.Number(),
      note: Type.Optional(Type.String()),
    }),
  ),
  result: nullable(
    Type.Object({
      version: Type.String(),
      activated: Type.Boolean(),
      reasons: Type.Array(Type.String(), { description: 'What the gate saw, a line each' }),
    }),
  ),
  fault: nullable(Type.Object({ code: Type.String(), message: Type.String() })),
  createdAt: Type.String(),
  startedAt: nullable(Type.String()),
  endedAt: nullable(Type.String()),
})
export type JobBody = Type.Static<typeof JobBody>

const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())

const toBody = (job: Job): JobBody => ({
  id: job.id,
  kind: job.kind,
  ranker: job.payload.ranker,
  from: job.payload.from ?? null,
  state: job.state,
  attempts: job.attempts,
  progress: job.progress === null ? null : { ...job.progress },
  result: job.result === null ? null : { ...job.result, reasons: [...job.result.reasons] },
  fault: job.faultCode === null ? null : { code: job.faultCode, message: job.faultMessage ?? '' },
  createdAt: iso(job.createdAtMs)!,
  startedAt: iso(job.startedAtMs),
  endedAt: iso(job.endedAtMs),
})

function found(job: Job | null): JobBody {
  if (job !== null) return toBody(job)
  throw new Fault('JOB_UNKNOWN', 'There is no job of this id; GET /v1/jobs lists them.', { path: '/id', status: 404 })
}

export function jobRoutes(app: App, { jobs, registry, definitions }: RankerService): void {
  const names = definitions.map(({ name }) => name)
  const params = Type.Object({ id })
  app.post(
    '/v1/jobs',
    {
      schema: {
        tags: ['jobs'],
        operationId: 'startJob',
        summary: 'Train a version',
        description: 'With an `Idempotency-Key` the same call twice is one job.',
        headers: Type.Object({ 'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 128 })) }),
        body: Type.Object(
          {
            kind: Type.Literal('train'),
            ranker: Type.Optional(Type.String()),
            from: Type.Optional(
              Type.String({
                description: 'A version to start from, where it has what the new one has; new weights without it',
              }),
            ),
          },
          { additionalProperties: false, examples: [{ kind: 'train' }] },
        ),
        response: { 202: JobBody, ...problems },
      },
    },
    async ({ body, headers }, reply) => {
      const ranker = body.ranker ?? (names.length === 1 ? names[0] : undefined)
      if (ranker === undefined || !names.includes(ranker)) {
        throw new Fault('RANKER_UNKNOWN', `"ranker" must be one of ${names.join(', ')}.`, {
          path: '/ranker',
          status: 404,
        })
      }
      if (body.from !== undefined) await versionToStartFrom(registry, ranker, body.from)
      const key = headers['idempotency-key']
      const job = await jobs.enqueue({
        kind: body.kind,
        payload: { ranker, ...(body.from === undefined ? {} : { from: body.from }) },
        ...(key === undefined ? {} : { idempotencyKey: key }),
      })
      return reply.code(202).header('location', `/v1/jobs/${job.id}`).send(toBody(job))
    },
  )
  app.get(
    '/v1/jobs',
    {
      schema: {
        tags: ['jobs'],
        operationId: 'listJobs',
        summary: 'The last 100 jobs, newest first',
        response: { 200: Type.Object({ jobs: Type.Array(JobBody) }), ...problems },
      },
    },
    async () => ({ jobs: (await jobs.list()).map(toBody) }),
  )
  app.get(
    '/v1/jobs/:id',
    {
      schema: {
        tags: ['jobs'],
        operationId: 'getJob',
        summary: 'One job',
        params,
        response: { 200: JobBody, ...problems },
      },
    },
    async (request) => found(await jobs.find(request.params.id)),
  )
  app.post(
    '/v1/jobs/:id/cancel',
    {
      schema: {
        tags: ['jobs'],
        operationId: 'cancelJob',
        summary: 'Cancel a job; one that has ended stays as it ended',
        params,
        response: { 200: JobBody, ...problems },
      },
    },
    async (request) => found(await jobs.cancel(request.params.id)),
  )
}
