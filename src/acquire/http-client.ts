import { EnvHttpProxyAgent, request, type Dispatcher } from 'undici'

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

/** A failure that another attempt may not have. */
export class TransientError extends Error {
  /** Pause that the server asked for. */
  readonly retryAfterMs: number

  constructor (message: string, retryAfterMs = 0) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}

/** A failure that every attempt would have. */
export class PermanentError extends Error {}

const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308])
const MAX_REDIRECTS = 3

/** Bytes read of a redirect's body so that its connection can be reused. */
const REDIRECT_BODY_LIMIT = 1 << 16

/** Sends GET requests through the proxies of the environment and follows redirects. */
export class HttpClient {
  readonly retryPolicy: RetryPolicy
  readonly #dispatcher: Dispatcher

  constructor (retryPolicy: RetryPolicy = defaultRetryPolicy, dispatcher?: Dispatcher) {
    this.retryPolicy = retryPolicy
    // Reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in upper or lower case.
    this.#dispatcher = dispatcher ?? new EnvHttpProxyAgent({
      connect: { timeout: retryPolicy.connectTimeoutMs },
      headersTimeout: retryPolicy.headersTimeoutMs,
      bodyTimeout: retryPolicy.bodyTimeoutMs
    })
  }

  /**
   * Sends a GET request. The caller must consume or destroy the body.
   *
   * @throws PermanentError for a redirect that is not followed
   */
  async get (
    address: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal
  ): Promise<Dispatcher.ResponseData> {
    const visited = new Set<string>()
    let url = new URL(address)
    for (;;) {
      const response = await request(url, { dispatcher: this.#dispatcher, headers, signal })
      const location = REDIRECT_STATUSES.has(response.statusCode) ? response.headers.location : undefined
      if (location === undefined) return response
      await response.body.dump({ limit: REDIRECT_BODY_LIMIT }).catch(() => {})
      visited.add(url.href)
      url = resolveRedirect(url, String(location), visited)
    }
  }

  async close (): Promise<void> {
    await this.#dispatcher.close()
  }
}

function resolveRedirect (from: URL, location: string, visited: ReadonlySet<string>): URL {
  if (!URL.canParse(location, from.href)) throw new PermanentError(`redirects to '${location}', which is not a URL`)
  const to = new URL(location, from.href)
  if (to.protocol !== 'https:' && to.protocol !== from.protocol) {
    throw new PermanentError(`redirects from ${from.protocol} to ${to.protocol}, which is not followed`)
  }
  if (visited.has(to.href)) throw new PermanentError('redirects in a loop')
  if (visited.size > MAX_REDIRECTS) throw new PermanentError(`redirects more than ${MAX_REDIRECTS} times`)
  return to
}
