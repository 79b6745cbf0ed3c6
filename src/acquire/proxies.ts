import { BlockList, isIP, isIPv6 } from 'node:net'
import { PermanentError } from './download-errors.ts'

/** A proxy as the environment has it. */
export interface ProxySetting {
  /** Name of its environment variable. */
  readonly variable: string
  readonly address: string
}

/** The proxies of the environment. They are shared with other programs, so their faults surface only when used. */
export interface Proxies {
  readonly http?: ProxySetting
  /** That of `http` by default. */
  readonly https?: ProxySetting
  /** Hosts and networks that are reached directly, separated by commas or spaces; `*` for all. */
  readonly none?: string
}

const PROTOCOLS = ['http:', 'https:', 'socks5:']

/**
 * The URL of a proxy. Without a scheme, http is assumed.
 *
 * @throws PermanentError names the variable, but not its value, which may have credentials
 */
export function parseProxy ({ variable, address }: ProxySetting): string {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? address : `http://${address}`
  if (URL.canParse(withScheme)) {
    const url = new URL(withScheme)
    if (PROTOCOLS.includes(url.protocol) && url.hostname !== '') return escapeCredentials(url).href
  }
  throw new PermanentError(`${variable} must be an http, https or socks5 address`)
}

/** A lone % in credentials stands for itself. */
function escapeCredentials (url: URL): URL {
  url.username = url.username.replaceAll(/%(?![0-9a-f]{2})/gi, '%25')
  url.password = url.password.replaceAll(/%(?![0-9a-f]{2})/gi, '%25')
  return url
}

/** Whether a host is an address in one of the networks of NO_PROXY, such as `10.0.0.0/8` or `fd00::/8`. */
export function isInNetwork (hostname: string, hosts: string): boolean {
  const address = hostname.replace(/^\[(.*)\]$/, '$1')
  const family = FAMILIES[isIP(address)]
  if (family === undefined) return false
  const networks = new BlockList()
  for (const entry of splitHosts(hosts)) {
    const [, network = '', bits] = /^\[?([\d.a-f:]+)\]?\/(\d+)$/i.exec(entry) ?? []
    const limit = FAMILIES[isIP(network)] === 'ipv4' ? 32 : 128
    if (isIP(network) !== 0 && Number(bits) <= limit) networks.addSubnet(network, Number(bits), FAMILIES[isIP(network)])
  }
  return networks.check(address, family)
}

const FAMILIES: Readonly<Record<number, 'ipv4' | 'ipv6'>> = { 4: 'ipv4', 6: 'ipv6' }

function splitHosts (hosts: string): string[] {
  return hosts.split(/[,\s]+/).filter(entry => entry !== '')
}

/** The hosts of NO_PROXY as undici expects them: `*` alone, hosts without a scheme or path, and IPv6 in brackets. */
export function parseNoProxy (hosts: string): string {
  const entries = splitHosts(hosts).map(entry => {
    const host = entry.replace(/^[a-z]+:\/\//i, '').replace(/\/.*$/, '')
    return isIPv6(host) ? `[${host}]` : host
  })
  return entries.includes('*') ? '*' : entries.join(',')
}
