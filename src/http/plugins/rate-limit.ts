import { setTimeout as delay } from 'node:timers/promises'
import plugin from 'fastify-plugin'
import { LRUCache } from 'lru-cache'
import { ServiceError } from '../../errors.ts'
import { clientOf } from '../client.ts'

export interface RateLimitOptions {
  /** Requests per minute of a key or, without one, of an address; 0 for any number. */
  readonly perMinute: number
}

/** The allowance of the client, how much of it is left, and the seconds until it starts anew. */
export const rateLimitHeaders = ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset']

const WINDOW_MS = 60_000

/** Clients whose requests are counted at the same time; the least recent are forgotten. */
const MAX_CLIENTS = 10_000

/**
 * Milliseconds between two rejections of a client, and the longest that one is held back: a client that ignores them
 * would otherwise keep the server busy with nothing else.
 */
const REJECTION_INTERVAL_MS = 10
const MAX_HOLD_MS = 1000

/** Limits the requests of each client, whether they are answered or rejected; probes are not counted. */
export default plugin(async (app, { perMinute }: RateLimitOptions) => {
  if (perMinute === 0) return
  await app.register(import('@fastify/rate-limit'), {
    global: false,
    max: perMinute,
    timeWindow: WINDOW_MS,
    cache: MAX_CLIENTS,
    keyGenerator: clientOf
  })
  const count = app.createRateLimit()
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
    const result = await count(request)
    if (result.isAllowed) return
    const { max, remaining, ttlInSeconds } = result
    reply.headers({
      'ratelimit-limit': max,
      'ratelimit-remaining': remaining,
      'ratelimit-reset': ttlInSeconds
    })
    if (!result.isExceeded) return
    await holdBack(clientOf(request))
    const detail = `more than ${max} requests in a minute; the next one may be sent in ${ttlInSeconds} s`
    throw new ServiceError('rate_limited', detail, { retryAfter: ttlInSeconds })
  })
}, { name: 'rate-limit' })
