import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import { ServiceError } from '../../errors.ts'
import { bodyErrors } from '../query/body-errors.ts'
import { parameterErrors, readIntegers, type ParameterError } from '../query/errors.ts'

/** Seconds after which a client may ask again for a dataset that is being prepared. */
const RETRY_AFTER = 1

/** The one place where errors become answers: RFC 9457 problem documents. */
export default plugin(async app => {
  app.addHook('preValidation', (request, _reply, done) => {
    const { querystring, params } = request.routeOptions.schema ?? {}
    readIntegers(request.query as Record<string, unknown>, querystring as object | undefined)
    readIntegers(request.params as Record<string, unknown>, params as object | undefined)
    done()
  })
  app.setErrorHandler((error: FastifyError, request, reply) => sendProblem(error, request, reply))
  app.setNotFoundHandler((request, reply) => {
    return sendProblem(new ServiceError('unknown_route', `there is no ${request.method} ${pathOf(request)}`), request, reply)
  })
}, { name: 'problems' })

/** Answers with the problem document of an error; a stack or a path of this machine never leaves it. */
export function sendProblem (error: FastifyError | ServiceError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = error instanceof ServiceError ? error : translate(error, request)
  if (known.status >= 500 && known.code === 'internal') request.log.error({ err: error }, 'unexpected error')
  if (known.code === 'dataset_loading') reply.header('retry-after', RETRY_AFTER)
  return reply
    .code(known.status)
    .header('cache-control', 'no-store')
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send({
      type: `urn:mnist-batch-server:problem:${known.code}`,
      title: known.title,
      status: known.status,
      detail: known.message,
      code: known.code,
      ...known.members
    })
}

function translate (error: FastifyError, request: FastifyRequest): ServiceError {
  if (error.validation) {
    const errors = faultsOf(error, error.validation, request)
    return new ServiceError('invalid_parameter', errors.map(({ detail }) => detail).join('; '), { cause: error, members: { errors } })
  }
  if (error.statusCode === 413) {
    return new ServiceError('content_too_large', `the body may have at most ${request.routeOptions.bodyLimit} bytes`, { cause: error })
  }
  if (error.statusCode === 415) {
    return new ServiceError('unsupported_media_type', `the body must be application/json, got '${request.headers['content-type'] ?? ''}'`, { cause: error })
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new ServiceError('bad_request', error.message, { cause: error })
  }
  return new ServiceError('internal', 'something went wrong here; the log of the server has the details under this request id', { cause: error, members: { request_id: request.id } })
}

function faultsOf ({ validationContext }: FastifyError, faults: NonNullable<FastifyError['validation']>, { params, query, body, routeOptions: { schema } }: FastifyRequest): ParameterError[] {
  switch (validationContext) {
    case 'body': return bodyErrors(faults, schema!.body as object, body)
    case 'params': return parameterErrors(faults, schema!.params as object, params as Record<string, unknown>)
    default: return parameterErrors(faults, schema!.querystring as object, query as Record<string, unknown>)
  }
}

function pathOf (request: FastifyRequest): string {
  return request.url.split('?', 1)[0]!
}
