import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyBaseLogger } from 'fastify'
import type { Config } from './config.ts'
import { CompressedBodies } from './serve/compressed-bodies.ts'
import docs from './serve/plugins/docs.ts'
import draining from './serve/plugins/draining.ts'
import problems, { sendProblem } from './serve/plugins/problems.ts'
import security from './serve/plugins/security.ts'
import { Replay } from './serve/replay.ts'
import { RequestLog } from './serve/request-log.ts'
import { batchRoutes } from './serve/routes/batches.ts'
import { datasetRoutes } from './serve/routes/datasets.ts'
import { fileRoutes } from './serve/routes/files.ts'
import { gatherRoutes } from './serve/routes/gather.ts'
import { healthRoutes } from './serve/routes/health.ts'
import { meanRoutes } from './serve/routes/mean.ts'
import { sampleRoutes } from './serve/routes/samples.ts'
import { splitRoutes } from './serve/routes/splits.ts'
import { streamRoutes } from './serve/routes/stream.ts'
import { shuffledOrder } from './split/order.ts'
import { OrderCache } from './store/orders.ts'
import type { DatasetStore } from './store/store.ts'

export interface AppOptions {
  readonly config: Pick<Config, 'maxBatchSize' | 'corsOrigins'>
  readonly store: DatasetStore
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
