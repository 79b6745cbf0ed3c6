import plugin from 'fastify-plugin'
import { MetricsRecorder } from '../metrics/recorder.ts'
import { serverTiming } from '../metrics/server-timing.ts'

declare module 'fastify' {
  interface FastifyInstance {
    readonly metrics: MetricsRecorder
  }
}

export interface RequestMetricsOptions {
  /** Milliseconds after which a client that reads nothing loses its response. */
  readonly stallTimeoutMs: number
}

/** Milliseconds in which the client of a response reads something, unless it stalls. */
const STALL_CHECK_MS = 5000

/** Checks of each response within the timeout. */
const CHECKS = 4

/** Methods whose responses are counted from zero on. */
const COUNTED = ['GET', 'POST']

/**
 * Counts and times every request, and aborts responses that are not read. First of all hooks, so that those which
 * others reject or delay are counted as well.
 */
export default plugin(async (app, { stallTimeoutMs }: RequestMetricsOptions) => {
  const recorder = new MetricsRecorder()
  app.decorate('metrics', recorder)
  app.addHook('onRoute', ({ method, url }) => {
    for (const name of [method].flat()) if (url.startsWith('/v1/') && COUNTED.includes(name)) recorder.expect(name, url)
  })
  app.addHook('onRequest', (_request, reply, done) => {
    recorder.track(reply)
    done()
  })
  // For the responses of other plugins: those of the routes get it as their headers are written.
  app.addHook('onSend', (_request, reply, payload, done) => {
    reply.header('server-timing', serverTiming(reply))
    done(null, payload)
  })
  const reason = `the client read nothing for ${stallTimeoutMs / 1000} s`
  const checks = setInterval(() => {
    for (const response of recorder.checkStalls(stallTimeoutMs)) response.destroy(new Error(reason))
  }, Math.min(STALL_CHECK_MS, stallTimeoutMs / CHECKS)).unref()
  app.addHook('onClose', () => clearInterval(checks))
}, { name: 'request-metrics' })
