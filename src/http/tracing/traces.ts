import type { Span } from '@opentelemetry/api'
import type { FastifyReply, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import { recordedSteps } from '../metrics/server-timing.ts'
import type { Tracing } from './tracing.ts'

export interface TracesOptions {
  /** Without it, nothing is traced. */
  readonly tracing: Tracing | undefined
}

/** As @fastify/otel decorates requests. */
type TracedRequest = FastifyRequest & { opentelemetry?: () => { readonly span: Span | null } }

/** `SpanStatusCode.ERROR`, which is not worth an import. */
const ERROR = 2

/** A span for each request, with the milliseconds that the steps of its response took. */
export default plugin(async (app, { tracing }: TracesOptions) => {
  if (!tracing) return
  // Before @fastify/otel ends the span of a response that is finished.
  app.addHook('onResponse', (request, reply, done) => {
    describe(request, reply)
    done()
  })
  await app.register(tracing.plugin)
  app.addHook('onRequest', (request, reply, done) => {
    // It does not end those of responses that a disconnect ended.
    reply.raw.once('close', () => describe(request, reply)?.end())
    done()
  })
  app.addHook('onClose', () => tracing.close())
}, { name: 'traces' })

/** The span of a request that is not ended; undefined if there is none. */
function describe (request: TracedRequest, reply: FastifyReply): Span | undefined {
  const { span } = request.opentelemetry?.() ?? {}
  if (!span) return undefined
  for (const [step, ms] of Object.entries(recordedSteps(reply.raw) ?? {})) span.setAttribute(`mnist.${step}_ms`, ms)
  span.setAttribute('http.response.status_code', reply.statusCode)
  const isAborted = !reply.raw.writableFinished
  if (isAborted) span.setAttribute('error.type', 'aborted')
  // Replaces the one of @fastify/otel, which has the message of the error.
  if (isAborted || reply.statusCode >= 400) span.setStatus({ code: ERROR })
  return span
}
