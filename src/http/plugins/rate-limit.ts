import { setTimeout as delay } from 'node:timers/promises'
import plugin from 'fastify-plugin'
import { LRUCache } from 'lru-cache'
import { ServiceError } from '../../errors.ts'
import { clientOf } from '../query/client.ts'

export interface RateLimitOptions {
  /** Requests per minute of a key or, without one, of an address; 0 for any number. */
  readonly perMinute: number
}

/**
 * The allowance of the client, how much of it is left, and the seconds until it starts anew: as in
 * draft-ietf-httpapi-ratelimit-headers, and as in its early versions.
 */
export const rateLimitHeaders = [
  'ratelimit-policy', 'ratelimit', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'
]

const WINDOW_SECONDS = 60

/** Clients whose requests are counted at the same time; each takes some 200 bytes. */
const MAX_CLIENTS = 50_000

/**
 * Milliseconds between two rejections of a client, and the longest that one is held back: a client that ignores them
 * would otherwise keep the server busy with nothing else.
 */
const REJECTION_INTERVAL_MS = 10
const MAX_HOLD_MS = 1000

/** Limits the requests of each client, whether they are answered or rejected; probes are not counted. */
export default plugin(async (app, { perMinute }: RateLimitOptions) => {
  if (perMinute === 0) return
  const counter = new RequestCounter({ max: perMinute, windowMs: 1000 * WINDOW_SECONDS, maxClients: MAX_CLIENTS })
  /** When the next rejection of a client is due. */
  const due = new LRUCache<string, number>({ max: MAX_CLIENTS })
  const holdBack = async (client: string): Promise<void> => {
    const now = performance.now()
    const time = Math.min(now + MAX_HOLD_MS, Math.max(now, due.get(client) ?? 0))
    due.set(client, time + REJECTION_INTERVAL_MS)
    if (time > now) await delay(time - now)
  }

  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.isPublic) return
    const client = clientOf(request)
    const { remaining, isExceeded, resetMs } = counter.count(client)
    const seconds = Math.ceil(resetMs / 1000)
    reply.headers({
      'ratelimit-policy': `"default";q=${perMinute};w=${WINDOW_SECONDS}`,
      ratelimit: `"default";r=${remaining};t=${seconds}`,
      'ratelimit-limit': perMinute,
      'ratelimit-remaining': remaining,
      'ratelimit-reset': seconds
    })
    if (!isExceeded) return
    await holdBack(client)
    const detail = `more than ${perMinute} requests in a minute; the next one may be sent in ${seconds} s`
    throw new ServiceError('rate_limited', detail, { retryAfter: seconds })
  })
}, { name: 'rate-limit' })

/** How many requests a client may still send in its window. */
export interface Allowance {
  readonly remaining: number
  readonly isExceeded: boolean
  /** Milliseconds until the window ends. */
  readonly resetMs: number
}

export interface RequestCounterOptions {
  /** Requests of a client in a window. */
  readonly max: number
  readonly windowMs: number
  /** Clients to count at the same time; of those that are below their limit, the earliest are forgotten. */
  readonly maxClients: number
  /** Milliseconds of a clock that never jumps. */
  readonly now?: () => number
}

interface Window {
  count: number
  readonly end: number
}

/**
 * Counts the requests of each client in windows that begin with its first one. However many clients there are, one that
 * has reached its limit is remembered.
 */
export class RequestCounter {
  readonly #options: RequestCounterOptions
  readonly #now: () => number
  /** Clients below their limit, in the order of their windows. */
  readonly #counting = new Map<string, Window>()
  /** Clients that have reached it, in that order. */
  readonly #exhausted = new Map<string, Window>()

  constructor (options: RequestCounterOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  count (client: string): Allowance {
    const { max, windowMs, maxClients } = this.#options
    const now = this.#now()
    for (const windows of [this.#counting, this.#exhausted]) removeEnded(windows, now)
    let window = this.#exhausted.get(client) ?? this.#counting.get(client)
    if (!window || window.end <= now) {
      this.#exhausted.delete(client)
      this.#counting.delete(client)
      window = { count: 0, end: now + windowMs }
      this.#counting.set(client, window)
    }
    window.count++
    if (window.count === max) {
      this.#counting.delete(client)
      this.#exhausted.set(client, window)
    }
    for (const windows of [this.#counting, this.#exhausted]) if (windows.size > maxClients) removeFirst(windows)
    return { remaining: Math.max(0, max - window.count), isExceeded: window.count > max, resetMs: window.end - now }
  }
}

function removeEnded (windows: Map<string, Window>, now: number): void {
  for (const [client, { end }] of windows) {
    if (end > now) return
    windows.delete(client)
  }
}

function removeFirst (windows: Map<string, Window>): void {
  windows.delete(windows.keys().next().value!)
}
