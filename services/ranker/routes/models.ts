import Type from 'typebox'
import { id } from '../../../pipelines/ingest/events.ts'
import type { ModelVersion } from '../../../pipelines/promotion/ports.ts'
import { problems } from '../problem.ts'
import type { App, RankerService } from '../service.ts'

const nullable = <Schema extends Type.TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

const Model = Type.Object({
  version: Type.String(),
  ranker: Type.String(),
  definitionHash: Type.String(),
  parent: nullable(Type.String()),
  metrics: Type.Record(Type.String(), Type.Record(Type.String(), nullable(Type.Number())), {
    description: 'By task, by metric, on examples newer than any learnt; null where the slice has too few to say',
  }),
  trainedFrom: Type.String(),
  trainedTo: Type.String(),
  examples: Type.Integer(),
  createdAt: Type.String(),
})

const iso = (ms: number) => new Date(ms).toISOString()

const toBody = (version: ModelVersion): Type.Static<typeof Model> => ({
  version: version.version,
  ranker: version.ranker,
  definitionHash: version.definitionHash,
  parent: version.parent,
  metrics: Object.fromEntries(
    Object.entries(version.metrics).map(([task, values]) => [
      task,
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number.isFinite(value) ? value : null])),
    ]),
  ),
  trainedFrom: iso(version.trainedFromMs),
  trainedTo: iso(version.trainedToMs),
  examples: version.examples,
  createdAt: iso(version.createdAtMs),
})

export function modelRoutes(app: App, { live, registry, definitions }: RankerService): void {
  app.get(
    '/v1/rankers',
    {
      schema: {
        tags: ['models'],
        operationId: 'listRankers',
        summary: 'The rankers there are, and what serves each',
        response: {
          200: Type.Object({
            rankers: Type.Array(
              Type.Object({
                ranker: Type.String(),
                definitionHash: Type.String(),
                tasks: Type.Array(Type.String()),
                modelVersion: nullable(Type.String()),
                fault: nullable(Type.Object({ code: Type.String(), message: Type.String() })),
              }),
            ),
          }),
          ...problems,
        },
      },
    },
    async () => ({
      rankers: live.states().map(({ tasks, fault, ...state }) => ({
        ...state,
        tasks: [...tasks],
        fault: fault === null ? null : { code: fault.code, message: fault.message },
      })),
    }),
  )
  app.get(
    '/v1/models',
    {
      schema: {
        tags: ['models'],
        operationId: 'listModels',
        summary: 'The last 100 versions of each ranker, newest first',
        response: { 200: Type.Object({ models: Type.Array(Model) }), ...problems },
      },
    },
    async () => {
      const versions = await Promise.all(definitions.map(({ name }) => registry.list(name)))
      return { models: versions.flat().map(toBody) }
    },
  )
  app.post(
    '/v1/models/:version/activate',
    {
      schema: {
        tags: ['models'],
        operationId: 'activateModel',
        summary: 'Serve this version: a rollback, or a choice of your own',
        params: Type.Object({ version: id }),
        response: {
          200: Type.Object({
            ranker: Type.String(),
            version: Type.String(),
            reason: Type.String(),
            activatedAt: Type.String(),
          }),
          ...problems,
        },
      },
    },
    async (request) => {
      const { activatedAtMs, ...activation } = await live.activate(request.params.version, 'activated by request')
      return { ...activation, activatedAt: iso(activatedAtMs) }
    },
  )
}
