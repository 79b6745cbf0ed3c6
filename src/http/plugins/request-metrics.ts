import plugin from 'fastify-plugin'
import { MetricsRecorder } from '../metrics/recorder.ts'

declare module 'fastify' {
  interface FastifyInstance {
    readonly metrics: MetricsRecorder
  }
}

/** Milliseconds in which the client of a response reads something, unless it stalls. */
const STALL_CHECK_MS = 5000

/** Methods whose responses are counted from zero on. */
const COUNTED = ['GET', 'POST']

/** Counts every request. First of all hooks, so that those which others reject or delay are counted as well. */
export default plugin(async app => {
  const recorder = new MetricsRecorder()
  app.decorate('metrics', recorder)
  app.addHook('onRoute', ({ method, url }) => {
    for (const name of [method].flat()) if (url.startsWith('/v1/') && COUNTED.includes(name)) recorder.expect(name, url)
  })
  app.addHook('onRequest', (_request, reply, done) => {
    recorder.track(reply)
    done()
  })
  const checks = setInterval(() => recorder.checkStalls(), STALL_CHECK_MS).unref()
  app.addHook('onClose', () => clearInterval(checks))
}, { name: 'request-metrics' })
