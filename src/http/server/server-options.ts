import type { IncomingMessage, Server } from 'node:http'
import type { FastifyHttpOptions } from 'fastify'
import { withoutBasePath } from './base-path.ts'
import type { Certificate } from './tls.ts'

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
