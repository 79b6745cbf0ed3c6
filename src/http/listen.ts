import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

export interface ListenOptions {
  readonly host: string
  readonly port: number
}

/** Listens on the host, or on all addresses of `localhost`. */
export async function listen (app: FastifyInstance, { host, port }: ListenOptions): Promise<void> {
  if (host !== 'localhost') return await listenAt(app, [host], port)
  await listenAt(app, (await lookup(host, { all: true })).map(({ address }) => address), port)
}

/**
 * Listens on several addresses. Fastify would give each further address of `localhost` a server of its own, with
 * neither the connection limit nor the draining of the first one. Here they hand their connections to the first.
 */
export async function listenAt (app: FastifyInstance, addresses: readonly string[], port: number): Promise<void> {
  const [first, ...others] = addresses
  await app.listen({ host: first, port, listenTextResolver: url => `listening on ${url}` })
  for (const address of others) await listenAlso(app, address)
}

/** An address that the system names but lacks is not an error: containers often have no IPv6. */
async function listenAlso (app: FastifyInstance, address: string): Promise<void> {
  const { port } = app.server.address() as AddressInfo
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) => {
    app.server.emit('connection', socket)
  })
  server.maxConnections = app.server.maxConnections
  try {
    server.listen({ host: address, port })
    await once(server, 'listening')
  } catch (error) {
    app.log.warn(`not listening on ${address}: ${(error as NodeJS.ErrnoException).code}`)
    return
  }
  app.listeners.push(server)
  app.log.info(`listening on http://${address.includes(':') ? `[${address}]` : address}:${port}`)
}
