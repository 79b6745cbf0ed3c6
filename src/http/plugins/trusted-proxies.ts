import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import plugin from 'fastify-plugin'
import { canonicalAddress } from '../query/client.ts'

export interface TrustedProxiesOptions {
  /** Addresses and networks; `unix` stands for the Unix socket. */
  readonly proxies: readonly string[]
}

declare module 'fastify' {
  interface FastifyInstance {
    isTrustedProxy (address: string): boolean
  }
  interface FastifyRequest {
    /** The address of the client, as far as trusted proxies tell it; undefined for a Unix socket, or once closed. */
    readonly clientAddress: string | undefined
  }
}

/** The address of the client behind proxies. Nothing else that they send changes a response. */
export default plugin(async (app, { proxies }: TrustedProxiesOptions) => {
  const isTrusted = createTrust(proxies)
  app.decorate('isTrustedProxy', isTrusted)
  app.decorateRequest('clientAddress', {
    getter () {
      if (proxies.length === 0) return addressOf(this.raw)
      const request: ResolvedRequest = this.raw
      return (request[CLIENT] ??= { address: resolveClient(this.raw, isTrusted) }).address
    }
  })
}, { name: 'trusted-proxies' })

const CLIENT = Symbol('client')

/** A request whose client was resolved before. */
type ResolvedRequest = IncomingMessage & { [CLIENT]?: { readonly address: string | undefined } }

/** Hops of a chain, from the last one on, that are looked at: a client may send thousands. */
const MAX_HOPS = 32

/** Whether a peer is trusted; undefined for a Unix socket. */
type Trust = (address: string | undefined) => boolean

function createTrust (proxies: readonly string[]): Trust {
  const list = new BlockList()
  for (const proxy of proxies) {
    const [address, bits] = proxy.split('/')
    if (proxy === 'unix') continue
    const family = isIP(address!) === 4 ? 'ipv4' : 'ipv6'
    if (bits === undefined) list.addAddress(address!, family)
    else list.addSubnet(address!, Number(bits), family)
  }
  const trustsSocket = proxies.includes('unix')
  return address => {
    if (address === undefined) return trustsSocket
    const version = isIP(address)
    return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6')
  }
}

/**
 * The last address of the chain that no trusted proxy has. `Forwarded` (RFC 7239) and `X-Forwarded-For` must agree if
 * both are there: a proxy that sets one may pass on the other as a client has made it up.
 */
function resolveClient (request: IncomingMessage, isTrusted: Trust): string | undefined {
  const peer = addressOf(request)
  // A closed connection has no address either.
  if (request.socket.destroyed || !isTrusted(peer)) return peer
  const { 'x-forwarded-for': addresses, forwarded } = request.headers
  const chains = [
    ...(addresses === undefined ? [] : [String(addresses).split(',')]),
    ...(forwarded === undefined ? [] : [forwardedFor(forwarded)])
  ]
  const clients = chains.map(chain => lastUntrusted(peer, chain, isTrusted))
  return clients.every(client => client === clients[0]) ? clients[0] ?? peer : peer
}

function lastUntrusted (peer: string | undefined, chain: readonly string[], isTrusted: Trust): string | undefined {
  let client = peer
  for (const hop of chain.slice(-MAX_HOPS).reverse()) {
    const address = parseAddress(hop)
    // Hidden by the proxy before: nothing further left can be believed.
    if (address === undefined) return client
    client = address
    if (!isTrusted(address)) return client
  }
  return client
}

/** A quoted text, which may lack its end, or what is between two of them. Matches all of a header in linear time. */
const TOKEN = /"(?:\\.|[^"\\])*(?:"|\\?$)|,|[^,"]+/g

/** The values of `for` of the last hops; empty where a hop has none. */
function forwardedFor (header: string): string[] {
  const hops = ['']
  for (const token of header.match(TOKEN) ?? []) {
    if (token === ',') hops.push('')
    else hops.push(hops.pop() + token)
  }
  return hops.slice(-MAX_HOPS).map(hop => {
    const [, quoted, token] = /(?:^|;)\s*for=(?:"((?:\\.|[^"\\])*)"|([^\s;"]*))/i.exec(hop) ?? []
    return (quoted?.replaceAll(/\\(.)/g, '$1') ?? token ?? '').trim()
  })
}

/** An address with an optional port, IPv6 with optional brackets; undefined for anything else. */
function parseAddress (text: string): string | undefined {
  const trimmed = text.trim()
  const address = /^\[([^\]]*)\](?::\d+)?$/.exec(trimmed)?.[1] ?? /^([\d.]+):\d+$/.exec(trimmed)?.[1] ?? trimmed
  return isIP(address) === 0 ? undefined : canonicalAddress(address)
}

function addressOf ({ socket }: IncomingMessage): string | undefined {
  return socket.remoteAddress && canonicalAddress(socket.remoteAddress)
}
