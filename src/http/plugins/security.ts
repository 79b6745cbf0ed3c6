import cors from '@fastify/cors'
import type { FastifyReply, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import { ServiceError } from '../../errors.ts'
import { batchHeaderNames } from '../openapi/schemas/batch-fields.ts'
import { missingResource } from '../response/problem.ts'
import { pathOf } from '../server/base-path.ts'

export interface SecurityOptions {
  /** Origins that browsers may read from; `*` stands for all. */
  readonly origins: readonly string[]
  /** Further headers that scripts of other origins may read. */
  readonly exposed: readonly string[]
}

/** Headers that scripts of other origins may read. */
const exposedHeaders: readonly string[] = [
  'link',
  'etag',
  'retry-after',
  'server-timing',
  'x-request-id',
  'accept-ranges',
  'content-range',
  'content-disposition',
  'repr-digest',
  ...batchHeaderNames
]

/** Headers that tell browsers what they may do with a response, and clients the id of their request. */
export default plugin(async (app, { origins, exposed }: SecurityOptions) => {
  const headers = securityHeaders(origins)
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers).header('x-request-id', request.id)
    done()
  })
  app.addHook('onRequest', (request, reply, done) => {
    if (request.method !== 'OPTIONS') return done()
    const { origin, 'access-control-request-method': method } = request.headers
    if (!origin || !method) {
      return app.authenticate(request, reply, error => {
        if (error) return done(error)
        if (!origin && !method) return listMethods(request, reply)
        const detail = 'a preflight request must have the headers Origin and Access-Control-Request-Method'
        done(new ServiceError('bad_request', detail))
      })
    }
    // Browsers ask before a public page reads from a private address.
    const asksForPrivateNetwork = request.headers['access-control-request-private-network'] === 'true'
    if (asksForPrivateNetwork && (origins.includes('*') || origins.includes(origin))) {
      reply.header('access-control-allow-private-network', 'true')
    }
    done()
  })
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST'],
    exposedHeaders: [...exposedHeaders, ...exposed].join(', '),
    maxAge: 86400
  })
}, { name: 'security' })

/** Headers of every response: what Helmet sets that matters for data; the docs page sets all of it. */
export function securityHeaders (origins: readonly string[]): Record<string, string> {
  return {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'SAMEORIGIN',
    'cross-origin-resource-policy': origins.length > 0 ? 'cross-origin' : 'same-origin',
    ...(origins.length > 0 && { 'timing-allow-origin': origins.join(', ') }),
    ...(origins.includes('*') && { 'access-control-allow-origin': '*' })
  }
}

/** Responds to an OPTIONS request that is no preflight (RFC 9110 §9.3.7). */
function listMethods ({ method, url, server }: FastifyRequest, reply: FastifyReply): void {
  const path = pathOf(url)
  const allowed = server.allowedMethods(path === '*' ? undefined : path)
  if (allowed.length === 0) throw missingResource(method, path, [])
  reply.code(204).header('allow', allowed.join(', ')).send()
}
