import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyError, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import type { ValueSchema } from '../../config/describe-schema.ts'
import { abbreviate, ServiceError } from '../../errors.ts'
import { parseIntegers, pruneFaults } from '../query/query-errors.ts'
import { bodyTooLarge, missingResource, sendProblem } from '../response/problem.ts'
import { pathOf, withoutBasePath } from '../server/base-path.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The methods of the resource at a path, or of all resources, for `Allow`; empty if there is no such resource. */
    allowedMethods (path?: string): string[]
    /** Whether there is a resource at a path that needs no key. */
    isPublicPath (path: string): boolean
  }
}

export interface ProblemsOptions {
  readonly basePath: string
}

interface Resource {
  readonly pattern: RegExp
  readonly methods: Set<string>
  readonly isPublic: boolean
}

/** The one place where errors become responses: problem documents (RFC 9457). */
export default plugin(async (app, { basePath }: ProblemsOptions) => {
  const resources = new Map<string, Resource>()
  const findResources = (target: string): Resource[] => {
    const path = withoutBasePath(target, basePath)
    return [...resources.values()].filter(({ pattern }) => pattern.test(path))
  }

  app.addHook('onRoute', ({ url, method, config }) => {
    // Every path has OPTIONS, for preflights.
    if (url === '*') return
    const resource = resources.get(url) ?? {
      pattern: toPattern(url),
      methods: new Set(['OPTIONS']),
      isPublic: config?.isPublic === true
    }
    resources.set(url, resource)
    for (const name of [method].flat()) resource.methods.add(name)
  })

  app.decorate('allowedMethods', target => {
    const matching = target ? findResources(target) : [...resources.values()]
    const methods = new Set(matching.flatMap(({ methods }) => [...methods]))
    // Fastify reports only the HEAD of a route with an optional slash at its end.
    if (methods.has('HEAD')) methods.add('GET')
    return [...methods].sort()
  })
  app.decorate('isPublicPath', path => findResources(path).some(({ isPublic }) => isPublic))

  /** Responses whose clients wait before they send a body. Node would let them send it at once. */
  const waiting = new WeakSet<ServerResponse>()
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(response)
    app.server.emit('request', request, response)
  })

  // Before a body is parsed, and after the hooks that set headers.
  app.addHook('preParsing', (request, { raw: response }, _payload, done) => {
    const error = findFault(request)
    if (error) return done(error)
    if (waiting.delete(response)) response.writeContinue()
    done()
  })

  app.addHook('preValidation', (request, _reply, done) => {
    const { querystring, params, body } = (request.routeOptions.schema ?? {}) as Record<string, ValueSchema | undefined>
    const query = request.query as Record<string, unknown>
    if (querystring) pruneFaults(query, querystring)
    if (body) pruneFaults(request.body, body)
    parseIntegers(query, querystring)
    parseIntegers(request.params as Record<string, unknown>, params)
    done()
  })

  app.setErrorHandler((error: FastifyError, request, reply) => sendProblem(error, request, reply))
  // For files that a route does not find.
  app.setNotFoundHandler((request, reply) => {
    return sendProblem(missingResource(request.method, pathOf(request.url), []), request, reply)
  })
}, { name: 'problems' })

function findFault (request: FastifyRequest): ServiceError | undefined {
  const { is404, server, method, url, headers, raw, routeOptions: { bodyLimit } } = request
  if (countHosts(raw) > 1) return new ServiceError('bad_request', 'a request must have one header Host, got several')
  // Node would respond to these two without a body.
  if (headers.host === undefined && raw.httpVersion === '1.1') {
    return new ServiceError('bad_request', 'a request of HTTP/1.1 must have the header Host')
  }
  const { expect, 'content-encoding': coding = 'identity' } = headers
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    return new ServiceError('expectation_failed', `Expect must be 100-continue, got '${abbreviate(expect)}'`)
  }
  if (is404) return missingResource(method, pathOf(url), server.allowedMethods(pathOf(url)))
  if (method === 'POST' && coding.toLowerCase() !== 'identity') {
    const detail = `the body must be sent without Content-Encoding, got '${abbreviate(coding)}'`
    return new ServiceError('unsupported_media_type', detail, { headers: { 'accept-encoding': 'identity' } })
  }
  if (method === 'POST' && Number(headers['content-length']) > bodyLimit) return bodyTooLarge(bodyLimit)
  return undefined
}

/** Node keeps the first one only, and a proxy may use another. */
function countHosts ({ rawHeaders }: IncomingMessage): number {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count
}

/** Matches the paths of a route: `:name` stands for a segment, and `*` for the rest. */
function toPattern (route: string): RegExp {
  const source = route.replaceAll(/[.+?^$()|[\]\\{}]/g, '\\$&').replaceAll('*', '.*').replaceAll(/:\w+/g, '[^/]*')
  return new RegExp(`^${source}$`)
}
