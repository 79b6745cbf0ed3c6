import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import { ServiceError } from '../../errors.ts'
import {
  describeBodyErrors, describeParameterErrors, parseIntegers, type ParameterError
} from '../query/query-errors.ts'
import { DisconnectedError } from '../response/disconnect.ts'
import { jsonBody } from '../response/respond.ts'
import { writeBody } from '../response/writer.ts'

/** The one place where errors become responses: problem documents (RFC 9457). */
export default plugin(async app => {
  app.addHook('preValidation', (request, _reply, done) => {
    const { querystring, params } = request.routeOptions.schema ?? {}
    parseIntegers(request.query as Record<string, unknown>, querystring as object | undefined)
    parseIntegers(request.params as Record<string, unknown>, params as object | undefined)
    done()
  })
  app.setErrorHandler((error: FastifyError, request, reply) => sendProblem(error, request, reply))
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]
    return sendProblem(new ServiceError('unknown_route', `there is no ${request.method} ${path}`), request, reply)
  })
}, { name: 'problems' })

/** Responds with the problem document of an error, which never contains a stack trace or a local path. */
export function sendProblem (
  error: FastifyError | ServiceError,
  request: FastifyRequest,
  reply: FastifyReply
): FastifyReply {
  // Nobody is left to respond to.
  if (error instanceof DisconnectedError) return reply.hijack()
  const problem = error instanceof ServiceError ? error : toServiceError(error, request)
  if (problem.code === 'internal') request.log.error({ err: error }, 'unexpected error')
  if (problem.retryAfter !== undefined) reply.header('retry-after', problem.retryAfter)
  // A hook may reject a request with a status of its own.
  const status = problem.code === 'bad_request' ? (error as FastifyError).statusCode ?? problem.status : problem.status
  reply.code(status).header('cache-control', 'no-store').type('application/problem+json')
  return writeBody(reply, jsonBody({
    type: `urn:mnist-batch-server:problem:${problem.code}`,
    title: status === problem.status ? problem.title : STATUS_CODES[status],
    status,
    detail: problem.message,
    code: problem.code,
    ...problem.members
  }))
}

function toServiceError (error: FastifyError, request: FastifyRequest): ServiceError {
  if (error.validation) {
    const errors = describeFaults(error, error.validation, request)
    const detail = errors.map(({ detail }) => detail).join('; ')
    return new ServiceError('invalid_parameter', detail, { cause: error, members: { errors } })
  }
  if (error.statusCode === 413) {
    const detail = `the body may have at most ${request.routeOptions.bodyLimit} bytes`
    return new ServiceError('content_too_large', detail, { cause: error })
  }
  if (error.statusCode === 415) {
    const detail = `the body must be application/json, got '${request.headers['content-type'] ?? ''}'`
    return new ServiceError('unsupported_media_type', detail, { cause: error })
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new ServiceError('bad_request', error.message, { cause: error })
  }
  const detail = 'an unexpected error occurred; the server log has the details under this request id'
  return new ServiceError('internal', detail, { cause: error, members: { request_id: request.id } })
}

function describeFaults (
  { validationContext }: FastifyError,
  faults: NonNullable<FastifyError['validation']>,
  { params, query, body, routeOptions: { schema } }: FastifyRequest
): ParameterError[] {
  switch (validationContext) {
    case 'body': return describeBodyErrors(faults, schema!.body as object, body)
    case 'params': return describeParameterErrors(faults, schema!.params as object, params as Record<string, unknown>)
    default: return describeParameterErrors(faults, schema!.querystring as object, query as Record<string, unknown>)
  }
}
