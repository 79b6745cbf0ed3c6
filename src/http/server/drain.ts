import type { ServerResponse } from 'node:http'
import { Server, type Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { setImmediate, setTimeout as delay } from 'node:timers/promises'
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
    /** The servers that stop listening at the end: the app's own, and those that hand their connections to it. */
    readonly listeners: Server[]
  }
}

/** Time for the first request of a connection that was accepted at the last moment. */
const FIRST_REQUEST_MS = 1000

interface Connection {
  hasResponse: boolean
  /** When its last response ended; undefined before its first request. */
  lastResponseEnd: number | undefined
}

/** The types of Node lack the socket that an encrypted one reads from. */
type EncryptedSocket = Socket & { readonly _parent: Socket }

/**
 * Stops without losing a request. At first the server only announces its end: `/readyz` fails, and every response
 * closes its connection, so that clients and load balancers go elsewhere. Then it stops listening.
 *
 * Connections are closed only once their clients have everything. Node destroys a connection when its response is
 * handed to the kernel, and when the last process of a container exits, unsent data is lost. So each connection is
 * half-closed after its response, and the client is given time to close its side.
 */
export default plugin(async (app, { delayMs }: DrainOptions) => {
  const connections = new Map<Socket, Connection>()
  const shutdown = { isStopping: false }
  app.decorate('shutdown', shutdown)
  app.decorate('listeners', [app.server as Server])
  let hasStoppedListening = false
  /** Holds new requests back until it resolves. */
  let reopened: Promise<void> | undefined

  app.addHook('onRequest', (_request, _reply, done) => {
    if (reopened) reopened.then(() => done())
    else done()
  })

  // With TLS, one socket is read through another, and its client may never complete the handshake.
  const isTls = app.server instanceof TlsServer
  /** Connections without a completed handshake, and when they were accepted. */
  const handshakes = new Map<Socket, number>()
  if (isTls) {
    app.server.on('connection', (socket: Socket) => {
      handshakes.set(socket, performance.now())
      socket.once('close', () => handshakes.delete(socket))
      if (hasStoppedListening) closeWithoutHandshake(socket)
    })
  }

  app.server.on(isTls ? 'secureConnection' : 'connection', (socket: EncryptedSocket) => {
    if (isTls) handshakes.delete(socket._parent)
    connections.set(socket, { hasResponse: false, lastResponseEnd: undefined })
    socket.once('close', () => connections.delete(socket))
    if (shutdown.isStopping) halfClose(socket)
    if (hasStoppedListening) setTimeout(() => closeUnused(socket), FIRST_REQUEST_MS).unref()
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
    // Its headers may have been sent before the server knew that it stops.
    if (hasStoppedListening) socket.end()
  }

  function closeUnused (socket: Socket): void {
    const connection = connections.get(socket)
    if (connection && !connection.hasResponse && connection.lastResponseEnd === undefined) socket.destroy()
  }

  /** A handshake has as much time as a first request; clients that never began one have had it before. */
  function closeWithoutHandshake (socket: Socket): void {
    const ms = handshakes.get(socket)! + FIRST_REQUEST_MS - performance.now()
    if (ms <= 0) socket.destroy()
    else setTimeout(() => { if (handshakes.has(socket)) socket.destroy() }, ms).unref()
  }

  app.addHook('preClose', async () => {
    shutdown.isStopping = true
    for (const socket of connections.keys()) halfClose(socket)
    await delay(delayMs)
    // The kernel resets connections that it has not handed over yet. While no request is answered, clients do not
    // connect again, so soon there are none.
    let resume = (): void => {}
    reopened = new Promise(resolve => { resume = resolve })
    if (connections.size > 0) await delay(HOLD_MS)
    await acceptAll()

    // net.Server's close stops listening; http.Server's would destroy connections as well.
    const closed = Promise.all(app.listeners.map(server => {
      return new Promise(resolve => Server.prototype.close.call(server, resolve))
    }))
    hasStoppedListening = true
    reopened = undefined
    resume()
    for (const [socket, { hasResponse, lastResponseEnd }] of connections) {
      if (hasResponse) continue
      if (lastResponseEnd === undefined) setTimeout(() => closeUnused(socket), FIRST_REQUEST_MS).unref()
      else if (performance.now() - lastResponseEnd < LINGER_MS) socket.end()
      else socket.destroy()
    }
    for (const socket of handshakes.keys()) closeWithoutHandshake(socket)
    const timeout = setTimeout(() => {
      for (const socket of [...connections.keys(), ...handshakes.keys()]) socket.destroy()
    }, LINGER_MS)
    await closed
    clearTimeout(timeout)
  })
}, { name: 'drain' })

/** Milliseconds of an event loop turn in which hardly any connection can arrive. */
const QUIET_TURN_MS = 2
const QUIET_TURNS = 5
const MAX_TURNS = 200

/** Milliseconds in which clients that just got a response connect again. */
const HOLD_MS = 200

/** Waits until the server has accepted all connections that the kernel has for it. */
async function acceptAll (): Promise<void> {
  for (let turns = 0, quiet = 0; turns < MAX_TURNS && quiet < QUIET_TURNS; turns++) {
    const start = performance.now()
    await setImmediate()
    quiet = performance.now() - start < QUIET_TURN_MS ? quiet + 1 : 0
  }
}

/** Node calls `destroySoon` after the last response of a connection. */
function halfClose (socket: Socket): void {
  socket.destroySoon = () => socket.end()
}
