import type { ServerResponse } from 'node:http'
import { Server, type Socket } from 'node:net'
import plugin from 'fastify-plugin'

/** Time for clients to read what the kernel holds of their responses; less than the grace period of the process. */
const LINGER_MS = 7000

interface Connection {
  hasResponse: boolean
  lastResponseEnd: number
}

/**
 * Closes connections only once their clients have everything. Node destroys a connection when its response is handed
 * to the kernel, and when the last process of a container exits, unsent data is lost. So each connection is
 * half-closed after its response, and the client is given time to close its side.
 */
export default plugin(async app => {
  const connections = new Map<Socket, Connection>()
  let isClosing = false

  app.server.on('connection', (socket: Socket) => {
    connections.set(socket, { hasResponse: false, lastResponseEnd: -Infinity })
    socket.once('close', () => connections.delete(socket))
  })

  app.server.on('request', ({ socket }, response) => {
    connections.get(socket)!.hasResponse = true
    response.on('close', onResponseClose)
  })

  /** One function for all responses, so that none allocates a closure. */
  function onResponseClose (this: ServerResponse): void {
    const { socket } = this.req
    const connection = connections.get(socket)
    if (connection) {
      connection.hasResponse = false
      connection.lastResponseEnd = performance.now()
    }
    if (isClosing) socket.end()
  }

  app.addHook('preClose', async () => {
    isClosing = true
    // net.Server's close stops listening; http.Server's would destroy connections as well.
    const closed = new Promise(resolve => Server.prototype.close.call(app.server, resolve))
    for (const [socket, { hasResponse, lastResponseEnd }] of connections) {
      // Node calls this after the last response of a connection.
      socket.destroySoon = () => socket.end()
      if (hasResponse) continue
      if (performance.now() - lastResponseEnd < LINGER_MS) socket.end()
      else socket.destroy()
    }
    const timeout = setTimeout(() => { for (const socket of connections.keys()) socket.destroy() }, LINGER_MS)
    await closed
    clearTimeout(timeout)
  })
}, { name: 'drain' })
