import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import plugin from 'fastify-plugin'
import { exposedHeaders } from '../headers.ts'

export interface SecurityOptions {
  /** Origins that browsers may read from; `*` among them stands for all. */
  readonly origins: readonly string[]
}

/** Headers that tell browsers what may be done with the answers, and everybody the id of the request. */
export default plugin(async (app, { origins }: SecurityOptions) => {
  await app.register(helmet, {
    // Plain HTTP is how a service on a laptop or in a cluster is reached: its docs page must not ask for https.
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
    strictTransportSecurity: false,
    crossOriginResourcePolicy: { policy: origins.length > 0 ? 'cross-origin' : 'same-origin' }
  })
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST'],
    exposedHeaders: [...exposedHeaders],
    maxAge: 86400
  })
  app.addHook('onRequest', async (request, reply) => { reply.header('x-request-id', request.id) })
}, { name: 'security' })
