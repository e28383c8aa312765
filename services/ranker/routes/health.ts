import Type from 'typebox'
import { problems } from '../problem.ts'
import type { App, RankerService } from '../service.ts'

const Readiness = Type.Object({
  ready: Type.Boolean(),
  reasons: Type.Array(Type.String(), { description: 'Why not' }),
  warnings: Type.Array(Type.String(), { description: 'What keeps events from coming in, though ranking goes on' }),
})

export function healthRoutes(app: App, { live, metrics, isStopping, warnings }: RankerService): void {
  const tags = ['operation']
  app.get(
    '/livez',
    {
      schema: {
        tags,
        operationId: 'live',
        summary: 'The process runs',
        response: { 200: Type.Object({ live: Type.Boolean() }), ...problems },
      },
    },
    async () => ({ live: true }),
  )
  app.get(
    '/readyz',
    {
      schema: {
        tags,
        operationId: 'ready',
        summary: 'A ranking request would be answered now',
        response: { 200: Readiness, 503: Readiness, ...problems },
      },
    },
    async (_request, reply) => {
      const reasons = [
        ...(isStopping() ? ['stopping'] : []),
        ...live
          .states()
          .filter(({ modelVersion }) => modelVersion === null)
          .map(({ ranker }) => `ranker "${ranker}" has no version that serves yet`),
      ]
      return reply
        .code(reasons.length === 0 ? 200 : 503)
        .send({ ready: reasons.length === 0, reasons, warnings: [...warnings()] })
    },
  )
  app.get(
    '/metrics',
    {
      schema: {
        tags,
        operationId: 'metrics',
        summary: 'For Prometheus',
        response: { 200: { content: { 'text/plain': { schema: Type.String() } } }, ...problems },
      },
    },
    async (_request, reply) => {
      metrics.activeVersion.reset()
      for (const { ranker, modelVersion } of live.states()) {
        if (modelVersion !== null) metrics.activeVersion.set({ ranker, version: modelVersion }, 1)
      }
      return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics())
    },
  )
}
