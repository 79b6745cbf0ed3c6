import type { ServerResponse } from 'node:http'
import { Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import plugin from 'fastify-plugin'

export interface DrainOptions {
  /** Milliseconds in which a stopping server still accepts connections. */
  readonly delayMs: number
}

/** Time for clients to read what the kernel holds of their responses. */
export const LINGER_MS = 7000

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether the server is about to stop. */
    readonly shutdown: { isStopping: boolean }
  }
}

interface Connection {
  hasResponse: boolean
  lastResponseEnd: number
}

/**
 * Stops without losing a request. At first the server only announces its end: `/readyz` fails, and every response closes
 * its connection, so that clients and load balancers go elsewhere. Then it stops listening.
 *
 * Connections are closed only once their clients have everything. Node destroys a connection when its response is handed
 * to the kernel, and when the last process of a container exits, unsent data is lost. So each connection is half-closed
 * after its response, and the client is given time to close its side.
 */
export default plugin(async (app, { delayMs }: DrainOptions) => {
  const connections = new Map<Socket, Connection>()
  const shutdown = { isStopping: false }
  app.decorate('shutdown', shutdown)

  app.server.on('connection', (socket: Socket) => {
    connections.set(socket, { hasResponse: false, lastResponseEnd: -Infinity })
    socket.once('close', () => connections.delete(socket))
    if (shutdown.isStopping) halfClose(socket)
  })

  app.server.on('request', ({ socket }, response) => {
    connections.get(socket)!.hasResponse = true
    response.on('close', onResponseClose)
  })

  /** One function for all responses, so that none allocates a closure. */
  function onResponseClose (this: ServerResponse): void {
    const { socket } = this.req
    const connection = connections.get(socket)
    if (!connection) return
    connection.hasResponse = false
    connection.lastResponseEnd = performance.now()
  }

  app.addHook('preClose', async () => {
    shutdown.isStopping = true
    for (const socket of connections.keys()) halfClose(socket)
    await delay(delayMs)

    // net.Server's close stops listening; http.Server's would destroy connections as well.
    const closed = new Promise(resolve => Server.prototype.close.call(app.server, resolve))
    for (const [socket, { hasResponse, lastResponseEnd }] of connections) {
      if (hasResponse) continue
      if (performance.now() - lastResponseEnd < LINGER_MS) socket.end()
      else socket.destroy()
    }
    const timeout = setTimeout(() => { for (const socket of connections.keys()) socket.destroy() }, LINGER_MS)
    await closed
    clearTimeout(timeout)
  })
}, { name: 'drain' })

/** Node calls `destroySoon` after the last response of a connection. */
function halfClose (socket: Socket): void {
  socket.destroySoon = () => socket.end()
}
