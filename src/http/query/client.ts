import type { FastifyRequest } from 'fastify'
import { SocketAddress, isIP } from 'node:net'

/** Whose requests are counted together: those of a key or, without one, of an address. */
export function clientOf ({ keyName, clientAddress }: FastifyRequest): string {
  if (keyName !== undefined) return `key ${keyName}`
  return clientAddress === undefined ? 'no address' : `address ${networkOf(clientAddress)}`
}

/** An address in its one canonical form, with IPv4 as such where IPv6 embeds it. Other texts stay as they are. */
export function canonicalAddress (text: string): string {
  if (isIP(text) !== 6) return text
  const [address, zone] = text.split('%', 2)
  const canonical = new SocketAddress({ address: address!, family: 'ipv6' }).address
  const mapped = /^::ffff:([\d.]+)$/.exec(canonical)?.[1]
  return mapped ?? (zone === undefined ? canonical : `${canonical}%${zone}`)
}

/**
 * The network that counts as one client: an address of IPv4, or a /64 of IPv6, in which a host may choose any address.
 * Link-local addresses stay as they are, since all hosts of a link share one /64.
 *
 * @param address in its canonical form
 */
export function networkOf (address: string): string {
  if (!address.includes(':') || isIP(address) !== 6 || /^fe[89ab]/.test(address)) return address
  const [head, tail] = address.split('::', 2).map(groups => groups === '' ? [] : groups.split(':'))
  const zeros = Array<string>(tail ? 8 - head!.length - tail.length : 0).fill('0')
  return `${[...head!, ...zeros, ...tail ?? []].slice(0, 4).join(':')}::/64`
}
