import Type from 'typebox'
import { features, id } from '../../../pipelines/ingest/events.ts'
import { rank } from '../../../pipelines/ranking/rank.ts'
import { problems } from '../problem.ts'
import type { App, RankerService } from '../service.ts'

const closed = { additionalProperties: false }
const mostCandidates = 5_000
/** Beyond it a sum of scores might not be a number any more. */
const mostWeight = 1e9

const RankRequest = Type.Object(
  {
    ranker: Type.Optional(Type.String({ description: 'May be left out where there is one ranker' })),
    userId: id,
    context: Type.Optional(features),
    user: Type.Optional(
      Type.Unsafe<Type.Static<typeof features>>({ ...features, description: 'Overlays the catalogue' }),
    ),
    candidates: Type.Array(Type.Object({ itemId: id, features: Type.Optional(features) }, closed), {
      minItems: 1,
      maxItems: mostCandidates,
    }),
    limit: Type.Optional(Type.Integer({ minimum: 1, description: 'How many will be shown; as many come back' })),
    objective: Type.Optional(
      Type.Record(Type.String(), Type.Number({ minimum: -mostWeight, maximum: mostWeight }), {
        description: "Weights of tasks for this request, instead of the ranker's; a task left out weighs 0",
      }),
    ),
  },
  {
    ...closed,
    examples: [{ userId: 'u1', context: { hour: '20' }, candidates: [{ itemId: 'i7' }, { itemId: 'i2' }], limit: 1 }],
  },
)

const RankAnswer = Type.Object({
  slateId: Type.String({ description: 'To be named by impressions and feedback' }),
  ranker: Type.String(),
  modelVersion: Type.String(),
  items: Type.Array(
    Type.Object({
      itemId: Type.String(),
      score: Type.Number({ description: 'Sum over tasks of weight * score' }),
      tasks: Type.Record(Type.String(), Type.Number(), { description: 'Calibrated probability or value, by task' }),
    }),
    { description: 'Best first' },
  ),
  unknownItems: Type.Array(Type.String(), { description: 'Candidates that the catalogue does not have' }),
  degraded: Type.Array(Type.String(), { description: 'What was missing: `user` or `knowledge`' }),
})

export function rankRoutes(app: App, service: RankerService): void {
  const { live, knowledge, slateLog, metrics } = service
  app.post(
    '/v1/rank',
    {
      schema: {
        tags: ['ranking'],
        operationId: 'rank',
        summary: 'Rank candidates for a user',
        body: RankRequest,
        response: { 200: RankAnswer, ...problems },
      },
    },
    async (request) =>
      live.use(request.body.ranker, async (scorer) => {
        metrics.rankCandidates.observe({ ranker: scorer.definition.name }, request.body.candidates.length)
        const answer = await rank(request.body, {
          scorer,
          knowledge,
          slateLog,
          nowMs: service.nowMs,
          newId: service.newId,
          onDegraded: (what, cause) => request.log.warn({ err: cause, what }, 'ranked without it'),
        })
        for (const what of answer.degraded) metrics.degraded.inc({ what })
        return {
          ...answer,
          items: [...answer.items].map((item) => ({ ...item, tasks: { ...item.tasks } })),
          unknownItems: [...answer.unknownItems],
          degraded: [...answer.degraded],
        }
      }),
  )
}
