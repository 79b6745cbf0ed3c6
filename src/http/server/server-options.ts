import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { FastifyHttpOptions } from 'fastify'
import { withoutBasePath } from './base-path.ts'
import type { Certificate } from './certificate.ts'

export interface ServerConfig {
  readonly headersTimeoutMs: number
  readonly basePath: string
}

/** Options of Fastify for its server, which speaks HTTPS if there is a certificate. */
export function serverOptions (
  { headersTimeoutMs, basePath }: ServerConfig,
  certificate?: Certificate
): Pick<FastifyHttpOptions<Server>, 'http' | 'rewriteUrl'> {
  const options = {
    headersTimeout: headersTimeoutMs,
    // Node enforces the timeouts only at the end of this interval, by default 30 s.
    connectionsCheckingInterval: Math.min(1000, headersTimeoutMs),
    // Node would respond without a body.
    requireHostHeader: false
  }
  return {
    http: options,
    // Not of this type, for which the server would always be one for HTTPS.
    ...(certificate && {
      https: { cert: certificate.cert, key: certificate.key, ...options, handshakeTimeout: headersTimeoutMs }
    }),
    ...(basePath !== '' && { rewriteUrl: ({ url }: IncomingMessage) => withoutBasePath(url!, basePath) })
  }
}

/** Characters of UUIDs, ULIDs, trace ids and base64, none of which needs escaping in a log or a header. */
const SAFE_ID = /^[\w.~:@+/=-]{1,128}$/

/** The id that a client or proxy gave a request in `X-Request-Id`; a new one if it has none, or an unsafe one. */
export function createRequestId ({ headers: { 'x-request-id': id } }: Pick<IncomingMessage, 'headers'>): string {
  return typeof id === 'string' && SAFE_ID.test(id) ? id : randomUUID()
}
