import { FastifyOtelInstrumentation } from '@fastify/otel'
import { propagation } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { FastifyPluginCallback } from 'fastify'
import { pathOf } from './plugins/problems.ts'

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
 */
export function startTracing (endpoint: string, version: string): Tracing {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_TIMEOUT_MS
  })
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'mnist-batch-server', 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)]
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
