import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import type { Logger } from 'pino'
import { answerBrokenRequest, answerError, answerProblems, methodFault } from './problem.ts'
import { eventRoutes } from './routes/events.ts'
import { healthRoutes } from './routes/health.ts'
import { jobRoutes } from './routes/jobs.ts'
import { lineageRoutes } from './routes/lineage.ts'
import { modelRoutes } from './routes/models.ts'
import { rankRoutes } from './routes/rank.ts'
import type { App, RankerService } from './service.ts'

const bodyLimitBytes = 8 * 2 ** 20
/** An id of 256 characters, each of them percent-encoded. */
const mostParameterLength = 256 * 9

/** The HTTP interface over a service; its contract is at /openapi.json and, for people, at /docs. */
export async function createApp(service: RankerService, logger: Logger): Promise<App> {
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    routerOptions: { maxParamLength: mostParameterLength },
    frameworkErrors: answerError,
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, service.newId()),
    // Ids stay what the caller sent: "1" and 1 are two things.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    genReqId: () => service.newId(),
  }).withTypeProvider<TypeBoxTypeProvider>()
  answerProblems(app as unknown as FastifyInstance)
  // Bodies are JSON; the framework would take text, too.
  app.removeContentTypeParser('text/plain')
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown'
    service.metrics.requestSeconds.observe({ route, status: reply.statusCode }, reply.elapsedTime / 1000)
  })
  // The page at /docs carries its own inline styles.
  await app.register(helmet, { contentSecurityPolicy: false })
  await app.register(swagger, {
    refResolver: { buildLocalReference: ({ $id }, _base, _fragment, index) => String($id ?? index) },
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
  for (const routes of [rankRoutes, eventRoutes, jobRoutes, modelRoutes, lineageRoutes, healthRoutes]) {
    await app.register(async (scope) => declare(routes, scope as unknown as App, service))
  }
  return app as unknown as App
}

/** Declares routes, and answers other methods of their paths with those that are allowed. */
function declare(routes: (app: App, service: RankerService) => void, app: App, service: RankerService): void {
  const methodsOf = new Map<string, readonly string[]>()
  app.addHook('onRoute', ({ url, method }) => {
    methodsOf.set(url, [...(methodsOf.get(url) ?? []), ...[method].flat()])
  })
  routes(app, service)
  for (const [url, own] of [...methodsOf]) {
    const allowed = own.toSorted().join(', ')
    app.route({
      url,
      method: app.supportedMethods.filter((method) => !own.includes(method)),
      schema: { hide: true },
      // Before the body is looked at: what it holds does not matter.
      onRequest: async (request, reply) => {
        reply.header('allow', allowed)
        throw methodFault(request, allowed)
      },
      handler: () => {},
    })
  }
}
