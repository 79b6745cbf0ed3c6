import fastify, { type FastifyBaseLogger } from 'fastify'
import type { Config } from './config/config.ts'
import type { DatasetRegistry } from './dataset/registry.ts'
import { MAX_SEGMENT_LENGTH, createLimits } from './http/limits.ts'
import type { SchemaTypes } from './http/openapi/schemas/json-schema.ts'
import type { ApiKeys } from './http/plugins/api-keys.ts'
import docs from './http/plugins/docs.ts'
import keys from './http/plugins/keys.ts'
import problems from './http/plugins/problems.ts'
import rateLimit, { rateLimitHeaders } from './http/plugins/rate-limit.ts'
import requestMetrics from './http/plugins/request-metrics.ts'
import security, { securityHeaders } from './http/plugins/security.ts'
import trustedProxies from './http/plugins/trusted-proxies.ts'
import { AccessLog } from './http/response/access-log.ts'
import { sendProblem } from './http/response/problem.ts'
import { batchRoutes } from './http/routes/batches.ts'
import { croissantRoutes } from './http/routes/croissant-description.ts'
import { datasetRoutes } from './http/routes/datasets.ts'
import { explorerRoutes } from './http/routes/explorer.ts'
import { fileRoutes } from './http/routes/files.ts'
import { gatherRoutes } from './http/routes/gather.ts'
import { healthRoutes } from './http/routes/health.ts'
import { mapRoutes } from './http/routes/map.ts'
import { meanRoutes } from './http/routes/mean.ts'
import { metricsRoutes } from './http/routes/metrics.ts'
import { sampleRoutes } from './http/routes/samples.ts'
import { splitRoutes } from './http/routes/splits.ts'
import { streamRoutes } from './http/routes/stream.ts'
import { thumbnailRoutes } from './http/routes/thumbnails.ts'
import admission from './http/server/admission.ts'
import certificates, { type Certificate } from './http/server/certificate.ts'
import connections from './http/server/connections.ts'
import drain from './http/server/drain.ts'
import parserErrors from './http/server/parser-errors.ts'
import { createRequestId, serverOptions } from './http/server/server-options.ts'
import traces from './http/tracing/traces.ts'
import type { Tracing } from './http/tracing/tracing.ts'

/** The settings of the HTTP service. */
export type HttpConfig = Pick<
  Config,
  | 'maxBatchSize'
  | 'workMemory'
  | 'corsOrigins'
  | 'rateLimit'
  | 'cacheAuthenticated'
  | 'loggedSuccesses'
  | 'basePath'
  | 'trustedProxies'
  | 'maxConnections'
  | 'maxConnectionsPerAddress'
  | 'maxRequestsPerSocket'
  | 'keepAliveTimeoutMs'
  | 'requestTimeoutMs'
  | 'stallTimeoutMs'
  | 'threads'
  | 'headersTimeoutMs'
  | 'shutdownDelayMs'
  | 'publicUrl'
  | 'metricsPort'
>

export interface AppOptions {
  readonly config: HttpConfig
  readonly registry: DatasetRegistry
  readonly logger: FastifyBaseLogger
  /** Without keys, everybody may send requests. */
  readonly apiKeys?: ApiKeys | undefined
  /** The folder of the built Explorer; none by default. */
  readonly explorer?: URL
  /** For HTTPS. */
  readonly certificate?: Certificate | undefined
  readonly tracing?: Tracing | undefined
}

/** The HTTP service over a registry of datasets. Takes constructed objects, and neither listens nor loads. */
export async function buildApp ({ config, registry, logger, apiKeys, explorer, certificate, tracing }: AppOptions) {
  const { maxBatchSize, corsOrigins, basePath } = config
  const headers = securityHeaders(corsOrigins)
  const app = fastify({
    loggerInstance: logger,
    logController: new AccessLog(config.loggedSuccesses),
    genReqId: createRequestId,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: MAX_SEGMENT_LENGTH },
    // Draining serves every request that arrives.
    return503OnClosing: false,
    keepAliveTimeout: config.keepAliveTimeoutMs,
    requestTimeout: config.requestTimeoutMs,
    ...serverOptions(config, certificate),
    // No hooks run for these.
    frameworkErrors: (error, request, reply) => {
      request.server.metrics.track(reply)
      sendProblem(error, request, reply.headers({ ...headers, 'x-request-id': request.id }))
    },
    // The writer sends every body: compiled serializers would cost 0.15 s of each start, and nothing calls them.
    schemaController: { compilersFactory: { buildSerializer: () => () => JSON.stringify } },
    ajv: {
      customOptions: {
        allErrors: true,
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false,
        // Tests validate the document with all schemas; compiling the schema of schemas would delay the start.
        meta: false,
        validateSchema: false
      }
    }
  }).withTypeProvider<SchemaTypes>()

  const limits = createLimits(config, message => logger.warn(message))
  app.addHook('onClose', () => limits.compute.close())
  app.decorate('limits', limits)
  app.decorate('basePath', basePath)
  await app.register(requestMetrics, { stallTimeoutMs: config.stallTimeoutMs })
  await app.register(certificates, { certificate })
  await app.register(traces, { tracing })
  await app.register(trustedProxies, { proxies: config.trustedProxies })
  await app.register(problems, { basePath })
  await app.register(connections, { maxRequests: config.maxRequestsPerSocket })
  await app.register(parserErrors, { headers, origins: corsOrigins })
  await app.register(drain, { delayMs: config.shutdownDelayMs })
  await app.register(keys, { keys: apiKeys, cacheAuthenticated: config.cacheAuthenticated })
  await app.register(security, {
    origins: corsOrigins,
    exposed: config.rateLimit > 0 ? rateLimitHeaders : []
  })
  await app.register(admission, {
    maxConnections: config.maxConnections,
    maxConnectionsPerAddress: config.maxConnectionsPerAddress
  })
  await app.register(rateLimit, { perMinute: config.rateLimit })
  // After preflight requests, which have no key.
  app.addHook('onRequest', (request, reply, done) => app.authenticate(request, reply, done))
  await app.register(docs, { basePath })

  // Called, not registered: every hook of the app applies to the routes, even one that is added later.
  await explorerRoutes(app, { folder: explorer })
  await healthRoutes(app, { registry })
  await metricsRoutes(app, { registry, isSeparate: config.metricsPort !== undefined })
  await datasetRoutes(app, { registry, maxBatchSize })
  await croissantRoutes(app, { registry, maxBatchSize, publicUrl: config.publicUrl })
  await meanRoutes(app, { registry })
  await fileRoutes(app, { registry })
  await splitRoutes(app, { registry })
  await batchRoutes(app, { registry, limits, maxBatchSize })
  await gatherRoutes(app, { registry, limits, maxBatchSize })
  await streamRoutes(app, { registry, limits, maxBatchSize })
  await sampleRoutes(app, { registry })
  await thumbnailRoutes(app, { registry, limits, maxBatchSize })
  await mapRoutes(app, { registry })
  return app
}
