import { setTimeout as delay } from 'node:timers/promises'
import plugin from 'fastify-plugin'
import { LRUCache } from 'lru-cache'
import { ServiceError } from '../../errors.ts'
import { clientOf } from '../query/client.ts'
import { RequestCounter } from './request-counter.ts'

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
