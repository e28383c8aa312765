import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyInstance } from 'fastify'
import Type from 'typebox'
import { Fault } from '../../models/spec/fault.ts'

/** Problem details (RFC 9457), with a stable code and the path of the fault. */
export const Problem = Type.Object(
  {
    type: Type.Literal('about:blank'),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable; made for programs' }),
    detail: Type.String({ description: 'What is wrong and the way out, for people' }),
    path: Type.Optional(Type.String({ description: 'JSON pointer into the request, or a name' })),
    requestId: Type.String(),
  },
  { description: 'Problem details (RFC 9457)' },
)

const retryAfterSeconds = 1

/** Answers every error, whatever its source, as problem details. */
export function answerProblems(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const fault = toFault(error)
    if (error !== fault && fault.status >= 500) request.log.error({ err: error }, 'a request failed unexpectedly')
    else if (fault.status >= 500) request.log.warn({ code: fault.code, cause: fault.cause }, fault.message)
    if (fault.retry) reply.header('retry-after', retryAfterSeconds)
    return reply
      .code(fault.status)
      .type('application/problem+json')
      .send(JSON.stringify(problemOf(fault, request.id)))
  })
  app.setNotFoundHandler((request, reply) => {
    const fault = new Fault(
      'ROUTE_UNKNOWN',
      `${request.method} ${request.url.split('?')[0]} is not known; see /docs.`,
      {
        status: 404,
      },
    )
    return reply
      .code(404)
      .type('application/problem+json')
      .send(JSON.stringify(problemOf(fault, request.id)))
  })
}

const problemOf = ({ status, code, message, path }: Fault, requestId: string): Type.Static<typeof Problem> => ({
  type: 'about:blank',
  title: STATUS_CODES[status] ?? 'Error',
  status,
  code,
  detail: message,
  ...(path === undefined ? {} : { path }),
  requestId,
})

function toFault(error: FastifyError): Fault {
  if (error instanceof Fault) return error
  if (error.validation !== undefined) return invalidRequest(error)
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Fault('REQUEST_TOO_LARGE', 'The body is too large; send less at a time.', { status: 413 })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Fault('REQUEST_MEDIA_TYPE_UNKNOWN', 'This route does not take that content-type; see /docs.', {
        status: 415,
      })
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new Fault('REQUEST_JSON_INVALID', `The body is not JSON: ${error.message}`, { status: 400 })
  }
  const status = error.statusCode ?? 500
  if (status < 500) return new Fault('REQUEST_INVALID', error.message, { status })
  return new Fault('INTERNAL', 'Something unexpected failed; the log has it under this requestId.', { status: 500 })
}

function invalidRequest({ validation = [], validationContext = 'body' }: FastifyError): Fault {
  const { instancePath = '', params = {}, message = 'is invalid' } = validation[0] ?? {}
  const { missingProperty, additionalProperty } = params as { missingProperty?: string; additionalProperty?: string }
  const path = [instancePath, missingProperty ?? additionalProperty].filter((part) => part !== undefined).join('/')
  const what =
    missingProperty !== undefined
      ? `"${missingProperty}" is missing; add it.`
      : additionalProperty !== undefined
        ? `"${additionalProperty}" is not known here; remove it or correct its name.`
        : `The value at ${path || `the top of the ${validationContext}`} ${message}.`
  return new Fault('REQUEST_INVALID', what, { path, status: 400 })
}
