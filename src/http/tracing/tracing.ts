import { FastifyOtelInstrumentation } from '@fastify/otel'
import { propagation } from '@opentelemetry/api'
import { ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base'
import type { FastifyBaseLogger, FastifyPluginCallback } from 'fastify'
import { messageOf } from '../../errors.ts'
import { pathOf } from '../server/base-path.ts'

/** OpenTelemetry. Imported only where traces are exported, since it takes a while to load. */

export interface Tracing {
  readonly plugin: FastifyPluginCallback
  /** Exports the spans that wait, and stops. */
  close (): Promise<void>
}

/** Probes and metrics are requested every few seconds, and their spans tell nothing. */
const IGNORED_PATHS = ['/healthz', '/readyz', '/metrics']

/** A shutdown waits for the last export, after the responses in flight. */
const EXPORT_TIMEOUT_MS = 1000

/**
 * Exports spans as OTLP over HTTP, in JSON. Further settings are the standard variables of OpenTelemetry, which its
 * libraries read.
 *
 * @param endpoint address of a collector, without `v1/traces`
 * @param log gets to know when the collector is down, and when it is back
 */
export function startTracing (
  endpoint: string,
  version: string,
  log: Pick<FastifyBaseLogger, 'info' | 'warn'>
): Tracing {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_TIMEOUT_MS
  })
  const status = new ExportStatus(log)
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'mnist-batch-server', 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(reportTo(status, exporter))]
  })
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  const instrumentation = new FastifyOtelInstrumentation({
    instrumentHooks: false,
    instrumentHandler: false,
    // Messages repeat texts of the request, and stacks have local paths.
    recordExceptions: false,
    ignorePaths: ({ url }) => IGNORED_PATHS.includes(pathOf(url)),
    requestHook (span, { method, url, routeOptions, server }) {
      span.updateName(routeOptions.url === undefined ? method : `${method} ${routeOptions.url}`)
      // Without the query, which may have anything.
      span.setAttribute('url.path', server.maskKeys(pathOf(url)))
    }
  })
  instrumentation.setTracerProvider(provider)
  return {
    plugin: instrumentation.plugin() as unknown as FastifyPluginCallback,
    // What cannot be exported is lost, and no reason to fail.
    close: () => provider.shutdown().catch(() => {})
  }
}

/** The library itself reports no failure. */
function reportTo (status: ExportStatus, exporter: SpanExporter): SpanExporter {
  return {
    export (spans, done) {
      exporter.export(spans, result => {
        if (result.code === ExportResultCode.SUCCESS) status.succeeded()
        else status.failed(spans.length, result.error ?? 'for an unknown reason')
        done(result)
      })
    },
    forceFlush: async () => await exporter.forceFlush?.(),
    shutdown: async () => await exporter.shutdown()
  }
}

/** Milliseconds between two warnings while the collector is down. */
const REPEAT_MS = 10 * 60 * 1000

/** Logs when spans cannot be exported, now and then while that lasts, and when they can be again. */
class ExportStatus {
  readonly #log: Pick<FastifyBaseLogger, 'info' | 'warn'>
  #lost = 0
  #lastWarning = -Infinity

  constructor (log: Pick<FastifyBaseLogger, 'info' | 'warn'>) {
    this.#log = log
  }

  failed (spans: number, error: unknown): void {
    this.#lost += spans
    const now = performance.now()
    if (now - this.#lastWarning < REPEAT_MS) return
    this.#lastWarning = now
    this.#log.warn(`traces cannot be exported: ${messageOf(error)}; spans lost so far: ${this.#lost}`)
  }

  succeeded (): void {
    if (this.#lost === 0) return
    this.#log.info(`traces are exported again; spans lost: ${this.#lost}`)
    this.#lost = 0
    this.#lastWarning = -Infinity
  }
}
