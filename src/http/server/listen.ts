import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { lstat, unlink } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import type { FastifyInstance } from 'fastify'

export interface ListenOptions {
  readonly host: string
  readonly port: number
}

/** What comes before the path of a Unix socket. */
const UNIX = 'unix:'

/** Listens on the host, on all addresses of `localhost`, or on a Unix socket. */
export async function listen (app: FastifyInstance, { host, port }: ListenOptions): Promise<void> {
  if (host.startsWith(UNIX)) return await listenOnSocket(app, host.slice(UNIX.length))
  if (host !== 'localhost') return await listenAt(app, [host], port)
  await listenAt(app, (await lookup(host, { all: true })).map(({ address }) => address), port)
}

/**
 * `::` stands for every address, IPv6 and IPv4. Some kernels have no IPv6.
 *
 * @param canListen replaced in tests
 */
export async function resolveHost (host: string, canListen = canListenAt): Promise<string> {
  return host === '::' && !await canListen(host) ? '0.0.0.0' : host
}

async function canListenAt (host: string): Promise<boolean> {
  const server = createServer()
  try {
    server.listen({ host, port: 0 })
    await once(server, 'listening')
    return true
  } catch (error) {
    return !['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes((error as NodeJS.ErrnoException).code!)
  } finally {
    server.close()
  }
}

/**
 * Connections that the kernel holds until they are accepted, which it limits to those of the system. It resets some of
 * a crowd beyond that; Node's default is 511.
 */
function backlogOf ({ maxConnections }: FastifyInstance): number {
  return maxConnections
}

/** Node removes the socket when it stops listening; that of a process which was killed is left behind. */
async function listenOnSocket (app: FastifyInstance, path: string): Promise<void> {
  if (await isStale(path)) await unlink(path)
  const backlog = backlogOf(app)
  await app.listen({ path, backlog, listenTextResolver: () => `listening on ${UNIX}${path}` })
}

/** Whether there is a socket on which nobody listens. */
async function isStale (path: string): Promise<boolean> {
  const file = await lstat(path).catch(() => undefined)
  if (!file?.isSocket()) return false
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
  } finally {
    socket.destroy()
  }
}

/**
 * Listens on several addresses. Fastify would give each further address of `localhost` a server of its own, with
 * neither the connection limit nor the draining of the first one. Here they hand their connections to the first.
 */
export async function listenAt (app: FastifyInstance, addresses: readonly string[], port: number): Promise<void> {
  const [first, ...others] = addresses
  await app.listen({ host: first, port, backlog: backlogOf(app), listenTextResolver: url => `listening on ${url}` })
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
    server.listen({ host: address, port, backlog: backlogOf(app) })
    await once(server, 'listening')
  } catch (error) {
    app.log.warn(`not listening on ${address}: ${(error as NodeJS.ErrnoException).code}`)
    return
  }
  app.listeners.push(server)
  const scheme = app.server instanceof TlsServer ? 'https' : 'http'
  app.log.info(`listening on ${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`)
}
