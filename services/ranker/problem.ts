import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
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
  { $id: 'Problem', description: 'Problem details (RFC 9457)' },
)

const mediaType = 'application/problem+json'
/** By its name among the contract's schemas, so that clients made from it have one type. */
const reference = Type.Unsafe<Type.Static<typeof Problem>>({ $ref: 'Problem#' })
const described = (description: string) => ({ description, content: { [mediaType]: { schema: reference } } })

/** The answers that every route may give beside its own. */
export const problems = {
  '4xx': described('The request cannot be answered; the problem says why, and the way out'),
  '5xx': described('The service cannot answer; with Retry-After, the same request may succeed later'),
}

const retryAfterSeconds = 1

/** Answers every error, whatever its source, as problem details. */
export function answerProblems(app: FastifyInstance): void {
  app.addSchema(Problem)
  app.setErrorHandler(answerError)
  app.setNotFoundHandler((request, reply) =>
    send(new Fault('ROUTE_UNKNOWN', `${placeOf(request)} is not known; see /docs.`, { status: 404 }), request, reply),
  )
}

const placeOf = ({ method, url }: FastifyRequest) => `${method} ${url.split('?')[0]}`

/** Errors of a route, and those of finding one. */
export function answerError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const fault = toFault(error)
  if (error !== fault && fault.status >= 500) request.log.error({ err: error }, 'a request failed unexpectedly')
  else if (fault.status >= 500) request.log.warn({ code: fault.code, cause: fault.cause }, fault.message)
  return send(fault, request, reply)
}

function send(fault: Fault, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (fault.retry) reply.header('retry-after', retryAfterSeconds)
  return reply
    .code(fault.status)
    .type(mediaType)
    .send(JSON.stringify(problemOf(fault, request.id)))
}

/** A method that the path does not take. */
export const methodFault = (request: FastifyRequest, allowed: string): Fault =>
  new Fault('METHOD_NOT_ALLOWED', `${placeOf(request)} is not known; this path takes ${allowed}.`, { status: 405 })

/** Answers what is no HTTP request at all, which no route ever sees. */
export function answerBrokenRequest({ code }: { readonly code?: string }, socket: Socket, requestId: string): void {
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const [status, what] =
    code === 'HPE_HEADER_OVERFLOW'
      ? [431, 'The headers are too large; send fewer.']
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'The request did not come in time; send it again.']
        : [400, 'This is no HTTP request.']
  const body = JSON.stringify(problemOf(new Fault('REQUEST_INVALID', what, { status }), requestId))
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: ${mediaType}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
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
      return new Fault('REQUEST_JSON_INVALID', 'The body is not JSON, or has a field "__proto__"; correct it.', {
        status: 400,
      })
  }
  const status = error.statusCode ?? 500
  if (status < 500) return new Fault('REQUEST_INVALID', error.message, { status })
  return new Fault('INTERNAL', 'Something unexpected failed; the log has it under this requestId.', { status: 500 })
}

function invalidRequest({ validation = [], validationContext = 'body' }: FastifyError): Fault {
  const { instancePath = '', params = {}, message = 'is invalid' } = validation[0] ?? {}
  const { missingProperty, additionalProperty } = params as { missingProperty?: string; additionalProperty?: string }
  const property = missingProperty ?? additionalProperty
  const path = property === undefined ? instancePath : `${instancePath}/${escaped(property)}`
  const what =
    missingProperty !== undefined
      ? `"${missingProperty}" is missing; add it.`
      : additionalProperty !== undefined
        ? `"${additionalProperty}" is not known here; remove it or correct its name.`
        : `The value at ${path || `the top of the ${validationContext}`} ${message}.`
  return new Fault('REQUEST_INVALID', what, { path, status: 400 })
}

/** As a part of a JSON pointer (RFC 6901). */
const escaped = (part: string) => part.replaceAll('~', '~0').replaceAll('/', '~1')
