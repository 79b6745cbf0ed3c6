import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { abbreviate, ServiceError } from '../../errors.ts'
import { MAX_SEGMENT_LENGTH } from '../limits.ts'
import { batchHeaderNames } from '../openapi/schemas/batch-fields.ts'
import {
  describeBodyErrors, describeParameterErrors, invalidParameter, type ParameterErrors
} from '../query/query-errors.ts'
import { jsonBody } from './respond.ts'
import { DisconnectedError, writeBody } from './writer.ts'

export const problemMediaType = 'application/problem+json'

/** Headers of a successful response that describe its body, and that an error must not have. */
const representationHeaders: readonly string[] = [
  'link',
  'etag',
  'accept-ranges',
  'content-disposition',
  'content-encoding',
  'content-length',
  'content-range',
  'repr-digest',
  ...batchHeaderNames
]

/** The problem document (RFC 9457) of an error, which never contains a stack trace or a local path. */
export function problemDocument (problem: ServiceError, status = problem.status): object {
  return {
    type: `urn:mnist-batch-server:problem:${problem.code}`,
    title: status === problem.status ? problem.title : STATUS_CODES[status],
    status,
    detail: problem.message,
    code: problem.code,
    ...problem.members
  }
}

/** Responds with the problem document of an error. */
export function sendProblem (
  error: FastifyError | ServiceError,
  request: FastifyRequest,
  reply: FastifyReply
): FastifyReply {
  // Nobody is left to respond to.
  if (error instanceof DisconnectedError) return reply.hijack()
  const problem = error instanceof ServiceError ? error : toServiceError(error, request)
  if (problem.code === 'internal') request.log.error({ err: error }, 'unexpected error')
  // A hook may reject a request with a status of its own.
  const status = problem.code === 'bad_request' ? (error as FastifyError).statusCode ?? problem.status : problem.status
  // The error may have occurred when the headers of a representation were already set.
  for (const name of representationHeaders) reply.removeHeader(name)
  // A client that was not told to continue may send a body all the same, or another request.
  if (request.headers.expect !== undefined && !request.raw.complete) reply.header('connection', 'close')
  reply.code(status).headers({ ...problem.headers, 'cache-control': 'no-store' }).type(problemMediaType)
  return writeBody(reply, jsonBody(problemDocument(problem, status)))
}

function toServiceError (error: FastifyError, request: FastifyRequest): ServiceError {
  if (error.validation) return invalidParameter(describeFaults(error, error.validation, request), error)
  if (error.code === 'FST_ERR_BAD_URL') {
    const detail = `the path is invalid: '${abbreviate(request.url)}'; a % must be encoded as %25`
    return new ServiceError('bad_request', detail, { cause: error })
  }
  if (error.code === 'FST_ERR_MAX_PARAM_LENGTH') {
    const length = `${MAX_SEGMENT_LENGTH} characters`
    const detail = `a segment of the path is longer than ${length}, and no resource has such a name`
    return new ServiceError('uri_too_long', detail, { cause: error })
  }
  if (error.statusCode === 413) return bodyTooLarge(request.routeOptions.bodyLimit, error)
  if (error.statusCode === 415) {
    const detail = `the body must be application/json, got '${abbreviate(request.headers['content-type'] ?? '')}'`
    return new ServiceError('unsupported_media_type', detail, { cause: error })
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new ServiceError('bad_request', error.message, { cause: error })
  }
  const detail = 'an unexpected error occurred; the server log has the details under this request id'
  return new ServiceError('internal', detail, { cause: error, members: { request_id: request.id } })
}

export function bodyTooLarge (bodyLimit: number, cause?: Error): ServiceError {
  return new ServiceError('content_too_large', `the body may have at most ${bodyLimit} bytes`, { cause })
}

/** @param allowed the other methods of the resource; empty if there is none */
export function missingResource (method: string, path: string, allowed: readonly string[]): ServiceError {
  const resource = abbreviate(path)
  if (allowed.length === 0) return new ServiceError('unknown_route', `there is no ${abbreviate(method)} ${resource}`)
  const allow = allowed.join(', ')
  const detail = `${resource} does not support ${abbreviate(method)}; it supports ${allow}`
  return new ServiceError('method_not_allowed', detail, { headers: { allow } })
}

function describeFaults (
  { validationContext }: FastifyError,
  faults: NonNullable<FastifyError['validation']>,
  { params, query, body, routeOptions: { schema } }: FastifyRequest
): ParameterErrors {
  switch (validationContext) {
    case 'body': return describeBodyErrors(faults, schema!.body as object, body)
    case 'params': return describeParameterErrors(faults, schema!.params as object, params as Record<string, unknown>)
    default: return describeParameterErrors(faults, schema!.querystring as object, query as Record<string, unknown>)
  }
}
