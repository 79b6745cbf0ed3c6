import { randomUUID } from 'node:crypto'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyBaseLogger } from 'fastify'
import { OrderCache } from './batch/order-cache.ts'
import type { Config } from './config.ts'
import type { DatasetRegistry } from './dataset/registry.ts'
import docs from './http/openapi/docs.ts'
import drain from './http/plugins/drain.ts'
import problems, { sendProblem } from './http/plugins/problems.ts'
import security from './http/plugins/security.ts'
import { AccessLog } from './http/response/access-log.ts'
import { CompressedCache } from './http/response/compressed-cache.ts'
import { batchRoutes } from './http/routes/batches.ts'
import { datasetRoutes } from './http/routes/datasets.ts'
import { fileRoutes } from './http/routes/files.ts'
import { gatherRoutes } from './http/routes/gather.ts'
import { healthRoutes } from './http/routes/health.ts'
import { meanRoutes } from './http/routes/mean.ts'
import { sampleRoutes } from './http/routes/samples.ts'
import { splitRoutes } from './http/routes/splits.ts'
import { streamRoutes } from './http/routes/stream.ts'

export interface AppOptions {
  readonly config: Pick<Config, 'maxBatchSize' | 'corsOrigins'>
  readonly registry: DatasetRegistry
  readonly logger: FastifyBaseLogger
}

/** The HTTP service over a registry of datasets. Takes constructed objects, and neither listens nor loads. */
export async function buildApp ({ config: { maxBatchSize, corsOrigins }, registry, logger }: AppOptions) {
  const app = fastify({
    loggerInstance: logger,
    logController: new AccessLog(),
    genReqId: () => randomUUID(),
    requestIdHeader: 'x-request-id',
    forceCloseConnections: 'idle',
    frameworkErrors: sendProblem,
    ajv: { customOptions: { allErrors: true, coerceTypes: false, removeAdditional: false, useDefaults: false } }
  }).withTypeProvider<TypeBoxTypeProvider>()

  await app.register(problems)
  await app.register(drain)
  await app.register(security, { origins: corsOrigins })
  await app.register(docs)

  // Called, not registered: every hook of the app applies to the routes, even one that is added later.
  const orders = new OrderCache()
  const compressedCache = new CompressedCache()
  await healthRoutes(app, { registry })
  await datasetRoutes(app, { registry, maxBatchSize })
  await meanRoutes(app, { registry })
  await fileRoutes(app, { registry })
  await splitRoutes(app, { registry })
  await batchRoutes(app, { registry, orders, compressedCache, maxBatchSize })
  await gatherRoutes(app, { registry, maxBatchSize })
  await streamRoutes(app, { registry, orders, maxBatchSize })
  await sampleRoutes(app, { registry })
  return app
}
