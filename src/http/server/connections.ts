import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import plugin from 'fastify-plugin'

/** Requests of a connection that run at the same time. Clients that pipeline more wait. */
const MAX_IN_PROGRESS = 4

/** Pipelined requests that wait before the connection is read no further. */
const MAX_WAITING = 32

/** Pauses before the probes of a connection whose client sends nothing more. */
const PROBE_MS = [0, 50, 500, 2000]

export interface ConnectionsOptions {
  /** Requests after which a connection is closed; 0 for any number. */
  readonly maxRequests: number
}

interface Connection {
  /** Since it was opened. */
  requests: number
  /** In the order of their requests. */
  readonly responses: Set<ServerResponse>
  readonly waiting: Array<() => void>
  inProgress: number
  isPaused: boolean
}

const connections = new WeakMap<Socket, Connection>()

/** The responses of a connection that are not sent yet, in the order of their requests. */
export function pendingResponses (socket: Socket): ServerResponse[] {
  return [...connections.get(socket)?.responses ?? []]
}

/**
 * Bounds the work of one connection. A connection that closes ends all its requests: Node reports that only to the one
 * whose response is being sent. A client that closes only its sending side still gets its responses.
 */
export default plugin(async (app, { maxRequests }: ConnectionsOptions) => {
  Object.assign(app.server, { httpAllowHalfOpen: true })

  app.addHook('onRequest', ({ raw: { socket } }, { raw: response }, done) => {
    const connection = connections.get(socket) ?? track(socket)
    const start = (): void => {
      connection.inProgress++
      response.once('close', () => {
        connection.inProgress--
        startNext(connection, socket)
      })
      done()
    }
    // Node's own limit would answer the requests beyond it with a 503.
    if (++connection.requests >= maxRequests && maxRequests > 0) response.shouldKeepAlive = false
    connection.responses.add(response)
    response.once('close', () => connection.responses.delete(response))
    if (connection.inProgress < MAX_IN_PROGRESS) return start()
    connection.waiting.push(start)
    if (connection.waiting.length < MAX_WAITING) return
    connection.isPaused = true
    socket.pause()
  })

  function startNext (connection: Connection, socket: Socket): void {
    if (socket.destroyed) return
    connection.waiting.shift()?.()
    if (!connection.isPaused || connection.waiting.length >= MAX_WAITING) return
    connection.isPaused = false
    socket.resume()
  }

  /**
   * A client that has closed only its sending side ignores an interim response. One that has closed its connection
   * rejects it, which the next write reports.
   */
  async function probe ({ responses }: Connection, socket: Socket): Promise<void> {
    for (const ms of PROBE_MS) {
      await setTimeout(ms, undefined, { ref: false })
      const [current] = responses
      if (socket.destroyed || !current || current.headersSent || current.req.httpVersionMinor === 0) return
      current.writeContinue()
    }
  }

  function track (socket: Socket): Connection {
    const connection: Connection = { requests: 0, responses: new Set(), waiting: [], inProgress: 0, isPaused: false }
    connections.set(socket, connection)
    socket.once('end', () => { probe(connection, socket) })
    socket.once('close', () => {
      connection.waiting.length = 0
      for (const response of connection.responses) {
        response.destroy()
        if (!response.closed) response.emit('close')
      }
    })
    return connection
  }
}, { name: 'connections' })
