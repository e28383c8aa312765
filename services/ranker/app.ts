import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import type { Logger } from 'pino'
import { answerProblems } from './problem.ts'
import { eventRoutes } from './routes/events.ts'
import { healthRoutes } from './routes/health.ts'
import { jobRoutes } from './routes/jobs.ts'
import { modelRoutes } from './routes/models.ts'
import { rankRoutes } from './routes/rank.ts'
import type { App, RankerService } from './service.ts'

const bodyLimitBytes = 8 * 2 ** 20

/** The HTTP interface over a service; its contract is at /openapi.json and, for people, at /docs. */
export async function createApp(service: RankerService, logger: Logger): Promise<App> {
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    // Ids stay what the caller sent: "1" and 1 are two things.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    genReqId: () => service.newId(),
  }).withTypeProvider<TypeBoxTypeProvider>()
  answerProblems(app as unknown as FastifyInstance)
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown'
    service.metrics.requestSeconds.observe({ route, status: reply.statusCode }, reply.elapsedTime / 1000)
  })
  // The page at /docs carries its own inline styles.
  await app.register(helmet, { contentSecurityPolicy: false })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'polyrank',
        description: 'Ranks candidates by several calibrated task scores, and takes the feedback that it learns from.',
        version: '1',
      },
      tags: [
        { name: 'ranking' },
        { name: 'events' },
        { name: 'jobs', description: 'Training' },
        { name: 'models', description: 'Rankers, versions and what serves' },
        { name: 'operation' },
      ],
    },
  })
  await app.register(swaggerUi, { routePrefix: '/docs' })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  for (const routes of [rankRoutes, eventRoutes, jobRoutes, modelRoutes, healthRoutes]) {
    await app.register(async (scope) => routes(scope as unknown as App, service))
  }
  return app as unknown as App
}
