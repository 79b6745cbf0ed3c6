import cors from '@fastify/cors'
import plugin from 'fastify-plugin'
import { exposedHeaders } from '../response/headers.ts'

export interface SecurityOptions {
  /** Origins that browsers may read from; `*` stands for all. */
  readonly origins: readonly string[]
}

/** Headers that tell browsers what they may do with a response, and clients the id of their request. */
export default plugin(async (app, { origins }: SecurityOptions) => {
  // What Helmet sets that matters for data; the docs page sets all of it.
  const headers = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'SAMEORIGIN',
    'cross-origin-resource-policy': origins.length > 0 ? 'cross-origin' : 'same-origin',
    ...(origins.length > 0 && { 'timing-allow-origin': origins.join(', ') })
  }
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers).header('x-request-id', request.id)
    done()
  })
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST'],
    exposedHeaders: exposedHeaders.join(', '),
    maxAge: 86400
  })
}, { name: 'security' })
