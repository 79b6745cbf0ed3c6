import { onAbort } from './abort.js'
import { BatchServerError, type Problem } from './errors.js'
import { describeFailure } from './failures.js'
import { Outage } from './outage.js'

export interface TransportOptions {
  /** Sent as a bearer token. */
  readonly token?: string | undefined
  /** Seconds from the first failure of a request to the last attempt; 300 by default, 0 for a single attempt. */
  readonly giveUpAfter?: number | undefined
  /** Seconds without a byte of the response after which an attempt is repeated; 20 by default. */
  readonly timeout?: number | undefined
  /** In place of the global `fetch`. */
  readonly fetch?: typeof fetch | undefined
  /** Called while the server prepares the dataset, which is waited for without using up `giveUpAfter`. */
  readonly onPreparing?: ((progress: Problem['progress']) => void) | undefined
  /** Called when the server fails, when it answers again, and with advice; `console.warn` by default. */
  readonly onWarning?: ((message: string) => void) | undefined
}

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined
  /** Sent as JSON, by POST. */
  readonly json?: unknown
}

const TRANSIENT = new Set([408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524])

/** The longest pause after the first failure in milliseconds, its growth with every failure, and its limit. */
const FIRST_PAUSE_MS = 200
const FACTOR = 2
const LONGEST_PAUSE_MS = 2000

/** Timers with more milliseconds would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** An attempt that may succeed when it is repeated. */
class TransientError extends Error {
  readonly error: BatchServerError
  readonly problem: string
  readonly advice: string
  readonly retryAfterMs: number
  readonly isPreparing: boolean

  constructor (error: BatchServerError, problem: string, options: Partial<TransientError> = {}) {
    super(error.message)
    this.error = error
    this.problem = problem
    this.advice = options.advice ?? ''
    this.retryAfterMs = options.retryAfterMs ?? 0
    this.isPreparing = options.isPreparing ?? false
  }
}

/** Sends requests, and sends them again after resets, timeouts, truncated bodies and temporary errors. */
export class Transport {
  readonly base: string
  readonly warn: (message: string) => void
  readonly #options: TransportOptions
  readonly #giveUpAfterMs: number
  readonly #outage: Outage

  /** @param base the address of the server without a slash at its end */
  constructor (base: string, options: TransportOptions) {
    const { giveUpAfter = 300, onWarning = message => console.warn(message) } = options
    this.base = base
    this.warn = onWarning
    this.#options = options
    this.#giveUpAfterMs = giveUpAfter * 1000
    this.#outage = new Outage(base, giveUpAfter, onWarning)
  }

  /**
   * @param path with its query
   * @param read interprets the body, and may throw a TruncatedError
   * @throws BatchServerError; the signal's reason
   */
  async request<T> (path: string, read: (body: ArrayBuffer) => T, options: RequestOptions = {}): Promise<T> {
    const { signal } = options
    let failures = 0
    let deadline: number | undefined
    for (;;) {
      const sent = performance.now()
      try {
        const result = await this.#attempt(path, read, options)
        this.#outage.end(sent)
        return result
      } catch (error) {
        signal?.throwIfAborted()
        if (!(error instanceof TransientError)) throw error
        if (error.isPreparing) {
          // The server works, and reports its progress.
          this.#outage.end(sent)
          failures = 0
          deadline = undefined
          await wait(error.retryAfterMs + randomPause(1), signal)
          continue
        }
        const now = performance.now()
        deadline ??= now + this.#giveUpAfterMs
        if (now >= deadline) throw error.error
        this.#outage.begin(error.problem, error.advice)
        await wait(Math.min(deadline - now, error.retryAfterMs + randomPause(++failures)), signal)
      }
    }
  }

  async #attempt<T> (path: string, read: (body: ArrayBuffer) => T, { signal, json }: RequestOptions): Promise<T> {
    const { token, timeout = 20, fetch = globalThis.fetch, onPreparing } = this.#options
    const controller = new AbortController()
    signal?.throwIfAborted()
    const stopListening = onAbort(signal, () => controller.abort(signal?.reason))
    const silence = new Error(`no data for ${timeout} s`)
    const startTimer = (): ReturnType<typeof setTimeout> => {
      return setTimeout(() => controller.abort(silence), Math.min(timeout * 1000, LONGEST_TIMER_MS))
    }
    let timer = startTimer()
    let response: Response
    let body: ArrayBuffer
    try {
      response = await fetch(this.base + path, {
        ...(json !== undefined && { method: 'POST', body: JSON.stringify(json) }),
        headers: {
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(json !== undefined && { 'content-type': 'application/json' })
        },
        signal: controller.signal
      })
      body = await readBody(response, () => {
        clearTimeout(timer)
        timer = startTimer()
      })
    } catch (cause) {
      const { reason, isFinal, advice } = describeFailure(cause)
      const problem = `cannot be reached (${reason})`
      const error = new BatchServerError(`${this.base} ${problem}${advice && `. ${advice}`}`, { cause })
      if (isFinal) throw error
      throw new TransientError(error, problem, { advice })
    } finally {
      clearTimeout(timer)
      stopListening()
    }
    if (response.ok) {
      try {
        return read(body)
      } catch (cause) {
        if (!(cause instanceof TruncatedError)) throw createFormatError(this.base, cause)
        const problem = `sent a truncated response (${cause.message})`
        throw new TransientError(new BatchServerError(`${this.base} ${problem}: ${path}`, { cause }), problem)
      }
    }
    const problem = parseProblem(body)
    const error = BatchServerError.fromProblem(response.status, problem, describeRedirect(response))
    if (!TRANSIENT.has(response.status)) throw error
    const isPreparing = problem.code === 'dataset_loading'
    if (isPreparing) onPreparing?.(problem.progress)
    const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'))
    throw new TransientError(error, `responds with ${response.status} ${error.code}`, { retryAfterMs, isPreparing })
  }
}

/** A body ends too early. */
export class TruncatedError extends Error {}

/** @param onData called whenever the server has sent something */
async function readBody ({ body, headers }: Response, onData: () => void): Promise<ArrayBuffer> {
  onData()
  if (!body) return new ArrayBuffer(0)
  const isEncoded = headers.has('content-encoding')
  // A false length costs a copy, and never memory that is not sent.
  const expected = isEncoded ? 0 : Math.min(Number(headers.get('content-length')) || 0, 2 ** 28)
  let bytes = new Uint8Array(expected)
  let length = 0
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    onData()
    if (length + value.length > bytes.length) {
      const larger = new Uint8Array(Math.max(2 * bytes.length, length + value.length))
      larger.set(bytes.subarray(0, length))
      bytes = larger
    }
    bytes.set(value, length)
    length += value.length
  }
  return length === bytes.length ? bytes.buffer : bytes.buffer.slice(0, length)
}

/** Another server at the same address. */
function createFormatError (base: string, cause: unknown): BatchServerError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const detail = `${base} does not answer as an mnist-batch-server does (${reason}): correct its address`
  return new BatchServerError(detail, { cause })
}

/** A redirected POST arrives as a GET, and every request takes twice as long. */
function describeRedirect ({ redirected, url }: Response): string {
  return redirected ? `, after a redirect to ${new URL(url).origin}: give the client this address` : ''
}

function parseProblem (body: ArrayBuffer): Partial<Problem> {
  try {
    const problem: unknown = JSON.parse(new TextDecoder().decode(body))
    return typeof problem === 'object' && problem !== null ? problem : {}
  } catch {
    // A proxy responds with text or HTML.
    return {}
  }
}

/** Milliseconds from now, given in seconds or as a date. */
function parseRetryAfter (value: string | null): number {
  if (value === null) return 0
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? 0 : Math.max(0, date - Date.now())
}

/** Jitter: clients that failed together do not retry together. */
function randomPause (failures: number): number {
  const limit = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * FACTOR ** (failures - 1))
  return limit * (1 + Math.random()) / 2
}

function wait (ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const stopListening = onAbort(signal, () => {
      clearTimeout(timeout)
      reject(signal!.reason)
    })
    const timeout = setTimeout(() => {
      stopListening()
      resolve()
    }, Math.min(ms, LONGEST_TIMER_MS))
  })
}
