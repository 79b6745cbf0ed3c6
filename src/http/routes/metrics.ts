import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { bodyOf } from '../../encode/format.ts'
import type { Exposition } from '../metrics/exposition.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { writeBody } from '../response/writer.ts'

interface Options {
  readonly registry: DatasetRegistry
  /** Whether they are served on a port of their own. */
  readonly isSeparate: boolean
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Imports what formats the metrics, if it is not there yet. */
    loadMetrics (): Promise<Exposition>
    /** Listens for requests for the metrics, if they have a port of their own, until the app is closed. */
    readonly metricsServer: Server | undefined
  }
}

/** The metrics, for Prometheus. */
export const metricsRoutes: Routes<Options> = async (app, { registry, isSeparate }) => {
  let loading: Promise<Exposition> | undefined
  app.decorate('loadMetrics', () => {
    loading ??= import('../metrics/exposition.ts').then(({ createExposition }) => {
      return createExposition(app as unknown as FastifyInstance, registry)
    })
    return loading
  })
  const server = isSeparate ? createServer((request, response) => respond(app, request, response)) : undefined
  app.decorate('metricsServer', server)
  if (server) {
    app.addHook('onClose', () => {
      server.close()
      server.closeAllConnections()
    })
    return
  }
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    const { mediaType, text } = await app.loadMetrics()
    reply.header('cache-control', 'no-store').type(mediaType)
    return writeBody(reply, bodyOf(Buffer.from(await text())))
  })
}

type MetricsApp = Pick<FastifyInstance, 'loadMetrics' | 'log'>

async function respond (app: MetricsApp, { url, method }: IncomingMessage, response: ServerResponse): Promise<void> {
  const respondText = (status: number, text: string, headers: Record<string, string> = {}): void => {
    response.writeHead(status, { 'content-type': 'text/plain', 'cache-control': 'no-store', ...headers }).end(text)
  }
  if (url?.split('?', 1)[0] !== '/metrics') return respondText(404, 'there is only /metrics on this port\n')
  if (method !== 'GET' && method !== 'HEAD') {
    return respondText(405, 'the metrics can only be read\n', { allow: 'GET, HEAD' })
  }
  try {
    const { mediaType, text } = await app.loadMetrics()
    respondText(200, await text(), { 'content-type': mediaType })
  } catch (error) {
    app.log.error({ err: error }, 'unexpected error')
    respondText(500, 'an unexpected error occurred; the server log has the details\n')
  }
}

/** Serves the metrics on their own port, without keys and limits. */
export async function listenForMetrics ({ metricsServer, log }: FastifyInstance, host: string, port: number) {
  metricsServer!.listen({ host, port })
  await once(metricsServer!, 'listening')
  const { port: actual } = metricsServer!.address() as AddressInfo
  log.info(`metrics on http://${host.includes(':') ? `[${host}]` : host}:${actual}/metrics`)
}
