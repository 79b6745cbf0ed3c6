import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { problems } from '../openapi/responses.ts'
import { NoQuery } from '../openapi/schemas/queries.ts'
import { Health, Readiness } from '../openapi/schemas/states.ts'

/** Is the process alive, and is its data ready? */
export const healthRoutes: FastifyPluginAsyncTypebox<{ store: DatasetRegistry }> = async (app, { store }) => {
  app.addHook('onRequest', async (_request, reply) => { reply.header('cache-control', 'no-store') })

  app.get('/healthz', {
    schema: {
      operationId: 'getHealth',
      tags: ['operation'],
      summary: 'Alive?',
      description: 'Answers as soon as the process listens, whatever its data does.',
      querystring: NoQuery,
      response: { 200: Health, ...problems(400) }
    }
  }, async () => ({ status: 'ok' as const }))

  app.get('/readyz', {
    schema: {
      operationId: 'getReadiness',
      tags: ['operation'],
      summary: 'Ready?',
      description: 'Ready once no dataset is being prepared and at least one can be served.',
      querystring: NoQuery,
      response: { 200: Readiness, 503: Readiness, ...problems(400) }
    }
  }, async (_request, reply) => {
    const datasets = store.states.map(state => ({
      name: state.entry.name,
      status: state.status,
      ...(state.status === 'loading' && state.progress && { progress: state.progress }),
      ...(state.status === 'failed' && { reason: state.reason })
    }))
    if (datasets.some(({ status }) => status === 'loading')) {
      return reply.code(503).header('retry-after', 1).send({ status: 'loading', datasets })
    }
    if (datasets.every(({ status }) => status === 'failed')) return reply.code(503).send({ status: 'failed', datasets })
    return { status: 'ready' as const, datasets }
  })
}
