import type { ServerResponse } from 'node:http'
import { Server, type Socket } from 'node:net'
import plugin from 'fastify-plugin'

/** How long readers may take for what the kernel still holds of their responses; less than the process's own grace. */
const LINGER_MS = 7000

/**
 * Closes connections only when their readers have everything. Node's own close destroys a connection once its response
 * was handed over, sent or not; and what the kernel holds when the last process of a container ends is lost with it.
 * So each connection is half-closed after its response, and the reader's closing is waited for.
 */
export default plugin(async app => {
  /** Open connections: is a response under way, and when did the last one end? */
  const connections = new Map<Socket, { busy: boolean, answered: number }>()
  let closing = false

  app.server.on('connection', (socket: Socket) => {
    connections.set(socket, { busy: false, answered: -Infinity })
    socket.once('close', () => connections.delete(socket))
  })

  app.server.on('request', ({ socket }, response) => {
    connections.get(socket)!.busy = true
    response.on('close', answered)
  })

  /** The same function for all, since it is attached to every response. */
  function answered (this: ServerResponse): void {
    const { socket } = this.req
    const connection = connections.get(socket)
    if (connection) {
      connection.busy = false
      connection.answered = performance.now()
    }
    if (closing) socket.end()
  }

  app.addHook('preClose', async () => {
    closing = true
    // Stops listening; http.Server's own close would destroy connections, too.
    const closed = new Promise(resolve => Server.prototype.close.call(app.server, resolve))
    for (const [socket, { busy, answered }] of connections) {
      // Node calls this after the last response of a connection, to destroy it once the kernel has all.
      socket.destroySoon = () => socket.end()
      if (busy) continue
      if (performance.now() - answered < LINGER_MS) socket.end()
      else socket.destroy()
    }
    const late = setTimeout(() => { for (const socket of connections.keys()) socket.destroy() }, LINGER_MS)
    await closed
    clearTimeout(late)
  })
}, { name: 'draining' })
