import Type from 'typebox'
import { id } from '../../../pipelines/ingest/events.ts'
import type { ModelVersion } from '../../../pipelines/promotion/ports.ts'
import { problems } from '../problem.ts'
import type { App, RankerService } from '../service.ts'

const nullable = <Schema extends Type.TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

const Metrics = Type.Record(Type.String(), Type.Record(Type.String(), nullable(Type.Number())))

const Quantization = Type.Object(
  {
    precision: Type.Literal('int8'),
    refusals: Type.Array(Type.String(), {
      description: 'Why it is served in float32 all the same; empty where it is not',
    }),
    bounds: Type.Object({ mostScoreChange: Type.Number(), mostMetricLoss: Type.Number() }),
    weights: Type.Array(Type.String(), { description: 'What is multiplied in 8 bits' }),
    examples: Type.Integer({ description: 'What it was measured on' }),
    scoreChanges: Type.Record(
      Type.String(),
      Type.Object({ most: nullable(Type.Number()), mean: nullable(Type.Number()) }),
      { description: 'By task, absolute differences of calibrated scores' },
    ),
    sameOrder: nullable(Type.Number({ description: 'Share of the pairs of a slate that keep their order' })),
    metrics: Metrics,
    metricChanges: Metrics,
  },
  { description: 'What scoring in int8 costs this version, measured; null where it was not asked for' },
)

const Model = Type.Object({
  version: Type.String(),
  ranker: Type.String(),
  definitionHash: Type.String(),
  parent: nullable(Type.String()),
  startedFrom: nullable(Type.String({ description: 'The version whose weights it began with' })),
  learntErasedAt: nullable(
    Type.String({ description: 'When a user was erased whom it may have learnt from; no training starts from it' }),
  ),
  metrics: Type.Record(Type.String(), Type.Record(Type.String(), nullable(Type.Number())), {
    description: 'By task, by metric, on examples newer than any learnt; null where the slice has too few to say',
  }),
  quantization: nullable(Quantization),
  trainedFrom: Type.String(),
  trainedTo: Type.String(),
  examples: Type.Integer(),
  createdAt: Type.String(),
})

const iso = (ms: number) => new Date(ms).toISOString()

/** What is no number is null in JSON, and may have become so before. */
const finite = (value: number | null) => (Number.isFinite(value) ? value : null)
const finiteOnly = (metrics: ModelVersion['metrics']): Type.Static<typeof Metrics> =>
  Object.fromEntries(
    Object.entries(metrics).map(([task, values]) => [
      task,
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, finite(value)])),
    ]),
  )

const toQuantization = (measured: NonNullable<ModelVersion['quantization']>): Type.Static<typeof Quantization> => ({
  ...measured,
  refusals: [...measured.refusals],
  bounds: { ...measured.bounds },
  weights: [...measured.weights],
  scoreChanges: Object.fromEntries(
    Object.entries(measured.scoreChanges).map(([task, { most, mean }]) => [
      task,
      { most: finite(most), mean: finite(mean) },
    ]),
  ),
  sameOrder: finite(measured.sameOrder),
  metrics: finiteOnly(measured.metrics),
  metricChanges: finiteOnly(measured.metricChanges),
})

const toBody = (version: ModelVersion): Type.Static<typeof Model> => ({
  version: version.version,
  ranker: version.ranker,
  definitionHash: version.definitionHash,
  parent: version.parent,
  startedFrom: version.startedFrom ?? null,
  learntErasedAt: version.learntErasedAtMs === undefined ? null : iso(version.learntErasedAtMs),
  metrics: finiteOnly(version.metrics),
  quantization: version.quantization === undefined ? null : toQuantization(version.quantization),
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
