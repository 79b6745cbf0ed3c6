import { ServerResponse, type IncomingMessage } from 'node:http'
import cors from '@fastify/cors'
import plugin from 'fastify-plugin'
import helmet, { type HelmetOptions } from 'helmet'
import { exposedHeaders } from '../response/headers.ts'

export interface SecurityOptions {
  /** Origins that browsers may read from; `*` among them stands for all. */
  readonly origins: readonly string[]
}

/** What matters of helmet's headers where the answer is no page: each would be sent with every batch. */
const DATA_HEADERS = ['x-content-type-options', 'x-frame-options', 'cross-origin-resource-policy']

/** Headers that tell browsers what may be done with the answers, and everybody the id of the request. */
export default plugin(async (app, { origins }: SecurityOptions) => {
  const headers = helmetHeaders({
    // Plain HTTP is how a service on a laptop or in a cluster is reached: its docs page must not ask for https.
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
    strictTransportSecurity: false,
    crossOriginResourcePolicy: { policy: origins.length > 0 ? 'cross-origin' : 'same-origin' }
  })
  const ofData = Object.fromEntries(DATA_HEADERS.map(name => [name, headers[name]!]))
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(request.url.startsWith('/docs') ? headers : ofData).header('x-request-id', request.id)
    done()
  })
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST'],
    exposedHeaders: exposedHeaders.join(', '),
    maxAge: 86400
  })
}, { name: 'security' })

/** What helmet sets. It depends on the options alone, so it is made once and not for each request. */
function helmetHeaders (options: HelmetOptions): Record<string, string> {
  const response = new ServerResponse({ method: 'GET' } as IncomingMessage)
  helmet(options)({ method: 'GET' } as IncomingMessage, response, () => {})
  return response.getHeaders() as Record<string, string>
}
