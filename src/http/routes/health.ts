import type { DatasetRegistry } from '../../dataset/registry.ts'
import { retryHeaders, uncached } from '../openapi/responses.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { describeFailure, secondsToRetry } from '../query/target.ts'
import { respondJson } from '../response/respond.ts'

/** Liveness and readiness probes; whatever their query is, since monitors append one against caches. */
export const healthRoutes: Routes<{ registry: DatasetRegistry }> = async (app, { registry }) => {
  app.get('/healthz', {
    config: { isPublic: true, isProbe: true },
    schema: {
      operationId: 'getHealth',
      tags: ['operation'],
      security: [],
      summary: 'Alive?',
      description: 'Succeeds as soon as the process listens, whatever the state of its datasets.',
      response: { 200: uncached('The process is alive.', 'Health') }
    }
  }, (_request, reply) => { respondJson(reply, { status: 'ok' }) })

  app.get('/readyz', {
    config: { isPublic: true, isProbe: true },
    schema: {
      operationId: 'getReadiness',
      tags: ['operation'],
      security: [],
      summary: 'Ready?',
      description: 'Succeeds once no dataset is being prepared and at least one can be served, ' +
        'and until the server stops.',
      response: {
        200: uncached('Ready.', 'Readiness'),
        503: uncached('Not ready yet, or stopping.', 'Readiness', retryHeaders)
      }
    }
  }, ({ server }, reply) => {
    const { isStopping } = server.shutdown
    const datasets = registry.states.map(state => ({
      name: state.entry.name,
      status: state.status,
      ...(state.status === 'loading' && state.progress && { progress: state.progress }),
      ...(state.status === 'failed' && describeFailure(state))
    }))
    const isLoading = datasets.some(({ status }) => status === 'loading')
    const hasFailed = datasets.every(({ status }) => status === 'failed')
    if (isStopping || isLoading || hasFailed) reply.code(503)
    const delays = registry.states.filter(state => state.status === 'failed').map(secondsToRetry)
    if (isLoading) reply.header('retry-after', 1)
    else if (hasFailed) reply.header('retry-after', Math.min(...delays))
    const status = isStopping ? 'stopping' : isLoading ? 'loading' : hasFailed ? 'failed' : 'ready'
    respondJson(reply, { status, datasets })
  })
}
