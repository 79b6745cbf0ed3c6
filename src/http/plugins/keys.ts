import type { FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import plugin from 'fastify-plugin'
import { ServiceError } from '../../errors.ts'
import { pathOf } from '../server/base-path.ts'
import type { ApiKeys } from './api-keys.ts'

export interface KeysOptions {
  /** Without keys, everybody may send requests. */
  readonly keys: ApiKeys | undefined
  /** Whether shared caches may store responses to requests with a key. */
  readonly cacheAuthenticated: boolean
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Rejects a request without a valid key, unless its route is public. */
    authenticate (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void
    /** Text of the log or of a trace without the keys that a client has put into an address. */
    maskKeys (text: string): string
    /** Who may store responses, for `Cache-Control`. */
    readonly cacheScope: 'public' | 'private'
  }
  interface FastifyRequest {
    /** The name of the valid key that the request has. */
    keyName: string | undefined
  }
  interface FastifyContextConfig {
    /** Whether the route needs no key. */
    isPublic?: boolean
  }
}

/** API keys as bearer tokens (RFC 6750). */
export default plugin(async (app, { keys, cacheAuthenticated }: KeysOptions) => {
  app.decorateRequest('keyName', undefined)
  app.decorate('maskKeys', text => keys?.mask(text) ?? text)
  app.decorate('cacheScope', keys && !cacheAuthenticated ? 'private' : 'public')
  if (!keys) {
    app.decorate('authenticate', (_request, _reply, done) => done())
    return
  }
  await app.register(import('@fastify/bearer-auth'), {
    addHook: false,
    keys: new Set<string>(),
    auth: (_token, { keyName }) => keyName !== undefined,
    specCompliance: 'rfc6749',
    // The access log has these responses.
    verifyErrorLogLevel: 'silent'
  })
  app.decorate('authenticate', (request, reply, done) => {
    const { routeOptions, is404, method, url } = request
    if (routeOptions.config.isPublic) return done()
    // Methods that a public resource does not support, and those that it does.
    if ((is404 || method === 'OPTIONS') && app.isPublicPath(pathOf(url))) return done()
    app.verifyBearerAuth!(request, reply, error => error ? done(unauthorized(request)) : done())
  })
  // Ends responses in progress, such as streams, as well.
  keys.onRevoked(names => {
    for (const { request, raw } of app.metrics.repliesInFlight) {
      if (request.keyName !== undefined && names.has(request.keyName)) raw.destroy(new Error('the API key was revoked'))
    }
  })
  // Limits count the requests of each key, so it is known before they do.
  app.addHook('onRequest', (request, _reply, done) => {
    const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
    if (token !== undefined) request.keyName = keys.find(token)
    done()
  })
}, { name: 'keys' })

function unauthorized ({ headers: { authorization } }: FastifyRequest): ServiceError {
  const isMissing = authorization === undefined
  const detail = isMissing
    ? 'this server needs an API key, sent as Authorization: Bearer KEY'
    : 'the Authorization header has no valid API key; it must be Authorization: Bearer KEY'
  const challenge = `Bearer realm="mnist-batch-server"${isMissing ? '' : ', error="invalid_token"'}`
  return new ServiceError('unauthorized', detail, { headers: { 'www-authenticate': challenge } })
}
