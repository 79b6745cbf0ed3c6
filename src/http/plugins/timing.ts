import plugin from 'fastify-plugin'
import { serverTiming } from '../metrics/server-timing.ts'

/** `Server-Timing` for the responses of other plugins. Those of the routes get it as their headers are written. */
export default plugin(async app => {
  app.addHook('onSend', (_request, reply, payload, done) => {
    reply.header('server-timing', serverTiming(reply))
    done(null, payload)
  })
}, { name: 'timing' })
