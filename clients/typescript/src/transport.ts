import { BatchServerError, type Problem } from './errors.js'

export interface TransportOptions {
  /** Sent as a bearer token. */
  readonly token?: string
  /** How often a failed request is sent again; 5 by default. */
  readonly retries?: number
  /** Milliseconds that an attempt may take; 20,000 by default. */
  readonly timeoutMs?: number
  /** In place of the global `fetch`. */
  readonly fetch?: typeof fetch
  /** Called while the server prepares the dataset, which is waited for without using up retries. */
  readonly onPreparing?: (progress: Problem['progress']) => void
}

const RETRIED = new Set([429, 502, 503, 504])

/** The longest delay before the second attempt in milliseconds, its growth with every attempt, and its limit. */
const BASE_MS = 500
const FACTOR = 4
const LONGEST_MS = 30_000

/** An attempt that may succeed when it is repeated. */
class RetryableError extends Error {
  readonly error: BatchServerError
  readonly retryAfterMs: number
  readonly isPreparing: boolean

  constructor (error: BatchServerError, retryAfterMs = 0, isPreparing = false) {
    super(error.message)
    this.error = error
    this.retryAfterMs = retryAfterMs
    this.isPreparing = isPreparing
  }
}

/** Sends requests, and sends them again after resets, timeouts, truncated bodies and temporary errors. */
export class Transport {
  readonly base: string
  readonly #options: TransportOptions

  constructor (base: string, options: TransportOptions) {
    this.base = base.replace(/\/+$/, '')
    this.#options = options
  }

  /**
   * @param path with its query
   * @param read interprets the body, and may throw a TruncatedError
   * @throws BatchServerError; the signal's reason
   */
  async get<T> (path: string, read: (body: ArrayBuffer) => T, signal?: AbortSignal): Promise<T> {
    const { retries = 5 } = this.#options
    for (let failures = 0; ;) {
      try {
        return await this.#attempt(path, read, signal)
      } catch (error) {
        signal?.throwIfAborted()
        if (!(error instanceof RetryableError)) throw error
        if (!error.isPreparing) failures++
        if (failures > retries) throw error.error
        // Full jitter: clients that failed together do not retry together.
        const limit = Math.min(LONGEST_MS, BASE_MS * FACTOR ** Math.max(0, failures - 1))
        await wait(error.retryAfterMs + Math.random() * limit, signal)
      }
    }
  }

  async #attempt<T> (path: string, read: (body: ArrayBuffer) => T, signal?: AbortSignal): Promise<T> {
    const { token, timeoutMs = 20_000, fetch = globalThis.fetch, onPreparing } = this.#options
    const controller = new AbortController()
    const abort = (): void => controller.abort(signal?.reason)
    signal?.throwIfAborted()
    signal?.addEventListener('abort', abort, { once: true })
    const timeout = setTimeout(() => controller.abort(new Error(`no response within ${timeoutMs} ms`)), timeoutMs)
    let response: Response
    let body: ArrayBuffer
    try {
      response = await fetch(this.base + path, {
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        signal: controller.signal
      })
      body = await response.arrayBuffer()
    } catch (cause) {
      throw new RetryableError(new BatchServerError(`${this.base} cannot be reached: ${describe(cause)}`, { cause }))
    } finally {
      clearTimeout(timeout)
      signal?.removeEventListener('abort', abort)
    }
    if (response.ok) {
      try {
        return read(body)
      } catch (cause) {
        if (!(cause instanceof TruncatedError)) throw cause
        throw new RetryableError(new BatchServerError(`${this.base}${path}: ${cause.message}`, { cause }))
      }
    }
    const problem = parseProblem(body)
    const error = BatchServerError.fromProblem(response.status, problem)
    if (!RETRIED.has(response.status)) throw error
    const isPreparing = problem.code === 'dataset_loading'
    if (isPreparing) onPreparing?.(problem.progress)
    throw new RetryableError(error, parseRetryAfter(response.headers.get('retry-after')), isPreparing)
  }
}

/** A body ends too early. */
export class TruncatedError extends Error {}

function parseProblem (body: ArrayBuffer): Partial<Problem> {
  try {
    const problem: unknown = JSON.parse(new TextDecoder().decode(body))
    return typeof problem === 'object' && problem !== null ? problem : {}
  } catch {
    // A proxy responds with text or HTML.
    return {}
  }
}

/** Milliseconds. A date counts as none, since clocks differ. */
function parseRetryAfter (value: string | null): number {
  return value !== null && /^\d+$/.test(value) ? Number(value) * 1000 : 0
}

/** The reason of a failed fetch, which Node gives as the cause of a general error. */
function describe (thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  return thrown.cause instanceof Error ? `${thrown.message}: ${thrown.cause.message}` : thrown.message
}

function wait (ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timeout)
      reject(signal!.reason)
    }
    const timeout = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', abort, { once: true })
  })
}
