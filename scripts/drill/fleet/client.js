/** Requests that are sent again as those of clients/ are. */
import { setTimeout as delay } from 'node:timers/promises'

const RETRIES = 5
const RETRIED = new Set([429, 502, 503, 504])
/** The longest delay before the second attempt, its growth with every attempt, and its limit. */
const [BASE_MS, FACTOR, LONGEST_MS] = [500, 4, 30_000]
const TIMEOUT_MS = 20_000

/**
 * @param onRetry called with the reason of each retry
 * @throws if all retries fail
 */
export async function getRetrying (url, onRetry = () => {}) {
  for (let failures = 1; ; failures++) {
    let reason
    let retryAfter = 0
    const controller = new AbortController()
    // Not AbortSignal.timeout, whose timer does not keep the process alive.
    const timeout = setTimeout(() => controller.abort(new Error(`no response in ${TIMEOUT_MS} ms`)), TIMEOUT_MS)
    try {
      const response = await fetch(url, { signal: controller.signal })
      const body = Buffer.from(await response.arrayBuffer())
      if (response.ok) return body
      reason = `status ${response.status}`
      retryAfter = Number(response.headers.get('retry-after') ?? 0)
      if (!RETRIED.has(response.status)) failures = Infinity
    } catch ({ message, cause }) {
      reason = cause?.code ?? message
    } finally {
      clearTimeout(timeout)
    }
    if (failures > RETRIES) throw new Error(`${url}: ${reason}`)
    onRetry(reason)
    await delay(retryAfter * 1000 + Math.random() * Math.min(LONGEST_MS, BASE_MS * FACTOR ** (failures - 1)))
  }
}
