import type { Socket } from 'node:net'
import plugin from 'fastify-plugin'
import { ServiceError } from '../../errors.ts'
import { canonicalAddress, networkOf } from '../query/client.ts'

export interface AdmissionOptions {
  readonly maxConnections: number
  /** Of an address, or of a /64 of IPv6; trusted proxies and Unix sockets have no such limit. */
  readonly maxConnectionsPerAddress: number
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Connections that may be open, besides those reserved for probes. */
    readonly maxConnections: number
  }
  interface FastifyContextConfig {
    /** Whether the route is answered on connections beyond the limit, too. */
    isProbe?: boolean
  }
}

/** The limit that a connection exceeds. */
type Limit = 'total' | 'address'

/** Connections beyond the limits that are open at once, for probes. The oldest one makes room for another. */
const RESERVED = 64

/** The kernel may hand over some more before those that were closed are gone. */
const MARGIN = 64

const LOG_INTERVAL_MS = 10_000

/** TLS reads one socket through another. */
type EncryptedSocket = Socket & { readonly _parent?: Socket | null }

/**
 * Limits open connections, in all and of each address. Those beyond a limit get responses to probes and a 503 to
 * everything else, so that a server full of connections is not taken for a dead one.
 */
export default plugin(async (app, { maxConnections, maxConnectionsPerAddress }: AdmissionOptions) => {
  const openByAddress = new Map<string, number>()
  const reserved = new Map<Socket, Limit>()
  const probed = new WeakSet<Socket>()
  let open = 0
  app.server.maxConnections = maxConnections + RESERVED + MARGIN
  app.decorate('maxConnections', maxConnections)

  app.server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket
    const address = remoteAddress === undefined ? undefined : canonicalAddress(remoteAddress)
    const network = address === undefined || app.isTrustedProxy(address) ? undefined : networkOf(address)
    const openOfAddress = network === undefined ? 0 : openByAddress.get(network) ?? 0
    if (open >= maxConnections) return reserve(socket, 'total', address)
    if (network !== undefined && openOfAddress >= maxConnectionsPerAddress) return reserve(socket, 'address', address)
    open++
    if (network !== undefined) openByAddress.set(network, openOfAddress + 1)
    socket.once('close', () => {
      open--
      if (network !== undefined) decrement(network)
    })
  })

  // More than even the reserved ones.
  app.server.on('drop', (data?: { remoteAddress?: string }) => countRefused('total', data?.remoteAddress))

  app.addHook('onRequest', ({ raw, routeOptions }, { raw: response }, done) => {
    const limit = reserved.size > 0 ? reserved.get(rawSocketOf(raw.socket)) : undefined
    if (!limit) return done()
    response.shouldKeepAlive = false
    if (routeOptions.config.isProbe) {
      probed.add(rawSocketOf(raw.socket))
      return done()
    }
    const detail = limit === 'total'
      ? `the server has ${maxConnections} open connections, and accepts no more`
      : `an address may have ${maxConnectionsPerAddress} open connections`
    done(new ServiceError('overloaded', detail, { retryAfter: 1 }))
  })

  function reserve (socket: Socket, limit: Limit, address: string | undefined): void {
    if (reserved.size >= RESERVED) {
      const [oldest] = reserved.keys()
      reserved.delete(oldest!)
      oldest!.destroy()
    }
    reserved.set(socket, limit)
    socket.once('close', () => {
      reserved.delete(socket)
      if (!probed.has(socket)) countRefused(limit, address)
    })
  }

  function decrement (network: string): void {
    const left = openByAddress.get(network)! - 1
    if (left === 0) openByAddress.delete(network)
    else openByAddress.set(network, left)
  }

  let unlogged = 0
  let timer: NodeJS.Timeout | undefined

  function countRefused (limit: Limit, address: string | undefined): void {
    app.metrics.refused[limit]++
    unlogged++
    if (timer) return
    log(limit, address)
    timer = setInterval(() => {
      if (unlogged > 0) return log(limit, address)
      clearInterval(timer)
      timer = undefined
    }, LOG_INTERVAL_MS).unref()
  }

  function log (limit: Limit, client: string | undefined): void {
    const setting = limit === 'total' ? 'MAX_CONNECTIONS' : 'MAX_CONNECTIONS_PER_ADDRESS'
    app.log.warn({ refused: unlogged, open, client }, `connections refused, beyond ${setting}`)
    unlogged = 0
  }

  app.addHook('onClose', () => clearInterval(timer))
}, { name: 'admission' })

function rawSocketOf (socket: EncryptedSocket): Socket {
  return socket._parent ?? socket
}
