import type { Dispatcher } from 'undici'
import { requireInSteps } from '../scheduling/event-loop.ts'
import { PermanentError } from './download-errors.ts'
import { isInNetwork, parseNoProxy, parseProxy, type Proxies, type ProxySetting } from './proxies.ts'

/** When a request counts as failed, and how often and how soon it is repeated. */
export interface RetryPolicy {
  /** Requests in all, as long as failures are transient. */
  readonly attempts: number
  /** Longest pause before the second attempt; doubles with each further one, up to the limit. */
  readonly backoffMs: number
  readonly backoffLimitMs: number
  readonly connectTimeoutMs: number
  readonly headersTimeoutMs: number
  /** Longest silence within a body. */
  readonly bodyTimeoutMs: number
  /** A body counts as stalled if it is slower than this over a whole `rateWindowMs`. */
  readonly minBytesPerSecond: number
  readonly rateWindowMs: number
}

export const defaultRetryPolicy: RetryPolicy = {
  attempts: 4,
  backoffMs: 500,
  backoffLimitMs: 8000,
  connectTimeoutMs: 10_000,
  headersTimeoutMs: 30_000,
  bodyTimeoutMs: 30_000,
  minBytesPerSecond: 1024,
  rateWindowMs: 30_000
}

const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308])
const MAX_REDIRECTS = 3

/** Bytes read of a redirect's body so that its connection can be reused. */
const REDIRECT_BODY_LIMIT = 1 << 16

/** Loaded by the first request, since most servers send none. */
async function loadUndici (): Promise<typeof import('undici')> {
  await requireInSteps(['undici/lib/dispatcher/client', 'undici/lib/web/fetch', 'undici/lib/web/cookies'])
  return await import('undici')
}

/** Sends GET requests, through proxies if there are any, and follows redirects. */
export class HttpClient {
  readonly retryPolicy: RetryPolicy
  readonly #proxies: Proxies
  /** Created on first use. */
  #dispatcher: Dispatcher | undefined
  /** For the networks that are reached directly. */
  #direct: Dispatcher | undefined

  constructor (retryPolicy: RetryPolicy = defaultRetryPolicy, proxies: Proxies = {}, dispatcher?: Dispatcher) {
    this.retryPolicy = retryPolicy
    this.#proxies = proxies
    this.#dispatcher = dispatcher
  }

  /**
   * Sends a GET request. The caller must consume or destroy the body. A redirect to another origin is followed without
   * the header `authorization`.
   *
   * @throws PermanentError for a redirect that is not followed, or an invalid proxy
   */
  async get (
    address: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal
  ): Promise<Dispatcher.ResponseData> {
    const visited = new Set<string>()
    const undici = await loadUndici()
    let url = new URL(address)
    for (;;) {
      const response = await undici.request(url, { dispatcher: this.#dispatcherFor(url, undici), headers, signal })
      const location = REDIRECT_STATUSES.has(response.statusCode) ? response.headers.location : undefined
      if (location === undefined) return response
      await response.body.dump({ limit: REDIRECT_BODY_LIMIT }).catch(() => {})
      visited.add(url.href)
      const target = resolveRedirect(url, String(location), visited)
      if (target.origin !== url.origin) {
        const { authorization, ...others } = headers
        headers = others
      }
      url = target
    }
  }

  async close (): Promise<void> {
    await Promise.all([this.#dispatcher?.close(), this.#direct?.close()])
  }

  #dispatcherFor ({ protocol, hostname }: URL, { Agent, EnvHttpProxyAgent }: typeof import('undici')): Dispatcher {
    const { http, https = http, none = '' } = this.#proxies
    const { connectTimeoutMs, headersTimeoutMs, bodyTimeoutMs } = this.retryPolicy
    const options = {
      connect: { timeout: connectTimeoutMs },
      headersTimeout: headersTimeoutMs,
      bodyTimeout: bodyTimeoutMs
    }
    if (isInNetwork(hostname, none)) return (this.#direct ??= new Agent(options))
    // Only the proxy that the request would use has to be valid.
    const proxy = protocol === 'https:' ? https : http
    if (proxy) parseProxy(proxy)
    this.#dispatcher ??= new EnvHttpProxyAgent({
      // Empty instead of undefined, for which undici would read the environment.
      httpProxy: parseIfValid(http),
      httpsProxy: parseIfValid(https),
      noProxy: parseNoProxy(none),
      ...options
    })
    return this.#dispatcher
  }
}

function resolveRedirect (from: URL, location: string, visited: ReadonlySet<string>): URL {
  if (!URL.canParse(location, from.href)) throw new PermanentError('redirects to an invalid URL')
  const to = new URL(location, from.href)
  if (to.protocol !== 'https:' && to.protocol !== from.protocol) {
    throw new PermanentError(`redirects from ${from.protocol} to ${to.protocol}, which is not followed`)
  }
  if (visited.has(to.href)) throw new PermanentError('redirects in a loop')
  if (visited.size > MAX_REDIRECTS) throw new PermanentError(`redirects more than ${MAX_REDIRECTS} times`)
  return to
}

function parseIfValid (proxy: ProxySetting | undefined): string {
  try {
    return proxy ? parseProxy(proxy) : ''
  } catch {
    return ''
  }
}
