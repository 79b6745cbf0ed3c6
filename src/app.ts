import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyBaseLogger } from 'fastify'
import type { Config } from './config.ts'
import { CompressedBodies } from './http/response/compressed-cache.ts'
import docs from './http/openapi/docs.ts'
import draining from './http/plugins/drain.ts'
import problems, { sendProblem } from './http/plugins/problems.ts'
import security from './http/plugins/security.ts'
import { Replay } from './http/response/replay.ts'
import { RequestLog } from './http/response/request-log.ts'
import { batchRoutes } from './http/routes/batches.ts'
import { datasetRoutes } from './http/routes/datasets.ts'
import { fileRoutes } from './http/routes/files.ts'
import { gatherRoutes } from './http/routes/gather.ts'
import { healthRoutes } from './http/routes/health.ts'
import { meanRoutes } from './http/routes/mean.ts'
import { sampleRoutes } from './http/routes/samples.ts'
import { splitRoutes } from './http/routes/splits.ts'
import { streamRoutes } from './http/routes/stream.ts'
import { shuffledOrder } from './dataset/order.ts'
import { OrderCache } from './batch/order-cache.ts'
import type { DatasetRegistry } from './dataset/registry.ts'

export interface AppOptions {
  readonly config: Pick<Config, 'maxBatchSize' | 'corsOrigins'>
  readonly store: DatasetRegistry
  readonly logger: FastifyBaseLogger
}

/** The HTTP service over a store; takes only built things, and neither listens nor loads. */
export async function buildApp ({ config: { maxBatchSize, corsOrigins }, store, logger }: AppOptions) {
  const replay = new Replay(store, logger)
  const app = fastify({
    serverFactory: handle => createServer((request, response) => { if (!replay.answer(request, response)) handle(request, response) }),
    loggerInstance: logger,
    logController: new RequestLog(),
    genReqId: () => randomUUID(),
    requestIdHeader: 'x-request-id',
    forceCloseConnections: 'idle',
    frameworkErrors: sendProblem,
    ajv: { customOptions: { allErrors: true, coerceTypes: false, removeAdditional: false, useDefaults: false } }
  }).withTypeProvider<TypeBoxTypeProvider>()

  const orders = new OrderCache(shuffledOrder)
  const compressed = new CompressedBodies()

  app.addHook('preClose', async () => replay.close())
  await app.register(problems)
  await app.register(draining)
  await app.register(security, { origins: corsOrigins })
  await app.register(docs)

  await app.register(healthRoutes, { store })
  await app.register(datasetRoutes, { store, maxBatchSize })
  await app.register(meanRoutes, { store })
  await app.register(fileRoutes, { store })
  await app.register(splitRoutes, { store })
  await app.register(batchRoutes, { store, orders, compressed, maxBatchSize })
  await app.register(gatherRoutes, { store, maxBatchSize })
  await app.register(streamRoutes, { store, orders, maxBatchSize })
  await app.register(sampleRoutes, { store })
  return app
}
