import { setTimeout as delay } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { ServiceError, messageOf } from '../errors.ts'
import { PermanentError, TransientError } from './download-errors.ts'
import { type HttpClient, type RetryPolicy } from './http-client.ts'
import type { Sink } from './sinks.ts'

export interface DownloadOptions {
  readonly http: HttpClient
  readonly sink: Sink
  /** A longer body is rejected. */
  readonly maxBytes: number
  readonly signal: AbortSignal
  /** Called with the bytes received, and the size of the whole body if the server states it. */
  readonly progress?: (done: number, total: number | undefined) => void
  readonly headers?: Readonly<Record<string, string>>
  /** Whether an interrupted body may be continued by another response; true by default. */
  readonly resume?: boolean
}

/** State of a download across its responses. */
interface Transfer {
  done: number
  /** Strong ETag, or else date, of the file (RFC 9110 §13.1.5). */
  validator: string | undefined
  /** Responses that contributed bytes. */
  responses: number
}

/** Wraps an error of the sink, which no retry can fix. */
class SinkError extends Error {}

/**
 * Downloads a URL into a sink. Transient failures are retried with exponential backoff and full jitter
 * (aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter). An interrupted body is resumed by a range request
 * if the server identifies the version of the file, and restarted otherwise.
 *
 * @returns the number of responses that the body was assembled from
 * @throws Error with the reason and the number of attempts; errors of the sink as they are
 */
export async function download (url: string, options: DownloadOptions): Promise<number> {
  const { http: { retryPolicy }, sink, signal, resume = true } = options
  const transfer: Transfer = { done: 0, validator: undefined, responses: 0 }
  for (let attempt = 1; ; attempt++) {
    try {
      await receive(url, transfer, options)
      return transfer.responses
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof SinkError) throw error.cause
      if (error instanceof PermanentError || attempt === retryPolicy.attempts) {
        const attempts = attempt === 1 ? '' : `, ${attempt} attempts`
        throw new Error(`${messageOf(error)}${attempts}`, { cause: error })
      }
      if (transfer.validator === undefined || !resume) {
        await restart(transfer, sink).catch((error: SinkError) => { throw error.cause })
      }
      await delay(backoff(error, attempt, retryPolicy), undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}

/**
 * Downloads a URL, as `download` does.
 *
 * @throws ServiceError source_unavailable; errors of the sink as they are
 */
export async function downloadFrom (url: string, options: DownloadOptions): Promise<void> {
  try {
    await download(url, options)
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause
    throw new ServiceError('source_unavailable', messageOf(cause), { cause })
  }
}

/** Milliseconds to wait after a failed attempt. */
function backoff (error: unknown, attempt: number, { backoffMs, backoffLimitMs }: RetryPolicy): number {
  const jittered = Math.random() * Math.min(backoffLimitMs, backoffMs * 2 ** (attempt - 1))
  return Math.min(backoffLimitMs, Math.max(jittered, error instanceof TransientError ? error.retryAfterMs : 0))
}

/** Sends one request and writes its body to the sink. */
async function receive (url: string, transfer: Transfer, options: DownloadOptions): Promise<void> {
  const { http, sink, maxBytes, signal, headers, progress } = options
  const stalled = new AbortController()
  const range = transfer.validator === undefined || transfer.done === 0
    ? {}
    : { range: `bytes=${transfer.done}-`, 'if-range': transfer.validator }
  const response = await http.get(url, { ...headers, ...range }, AbortSignal.any([signal, stalled.signal]))
  try {
    await acceptResponse(response, transfer, sink)
    const length = response.headers['content-length']
    const total = length === undefined ? undefined : transfer.done + Number(length)
    if (total !== undefined && total > maxBytes) {
      throw new PermanentError(`has ${total} bytes, expected at most ${maxBytes}`)
    }
    transfer.responses++
    const watch = watchRate(transfer, http.retryPolicy, stalled)
    try {
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        if (transfer.done + chunk.length > maxBytes) throw new PermanentError(`sent more than ${maxBytes} bytes`)
        await writeTo(sink, chunk)
        transfer.done += chunk.length
        progress?.(transfer.done, total)
      }
    } finally {
      clearInterval(watch)
    }
  } catch (error) {
    response.body.on('error', () => {}).destroy()
    throw stalled.signal.aborted ? stalled.signal.reason : error
  }
}

/** Checks the status, and that a partial response continues the bytes received so far. */
async function acceptResponse (response: Dispatcher.ResponseData, transfer: Transfer, sink: Sink): Promise<void> {
  const { statusCode, headers } = response
  if (statusCode === 206 && transfer.done > 0) {
    if (isContinuation(headers, transfer)) return
    await restart(transfer, sink)
    throw new TransientError('resumed with another range or version')
  }
  if (statusCode === 200) {
    if (transfer.done > 0) await restart(transfer, sink)
    transfer.validator = parseValidator(headers)
    return
  }
  if (statusCode === 416) await restart(transfer, sink)
  if (statusCode === 408 || statusCode === 416 || statusCode === 429 || statusCode >= 500) {
    throw new TransientError(`HTTP ${statusCode}`, parseRetryAfterMs(headers['retry-after']))
  }
  throw new PermanentError(`HTTP ${statusCode}`)
}

function isContinuation (headers: Dispatcher.ResponseData['headers'], { done, validator }: Transfer): boolean {
  const [, start] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(String(headers['content-range'])) ?? []
  const { etag } = headers
  return Number(start) === done && (etag === undefined || !validator!.startsWith('"') || etag === validator)
}

async function restart (transfer: Transfer, sink: Sink): Promise<void> {
  try {
    await sink.restart()
  } catch (cause) {
    throw new SinkError(messageOf(cause), { cause })
  }
  Object.assign(transfer, { done: 0, validator: undefined, responses: 0 })
}

async function writeTo (sink: Sink, chunk: Uint8Array): Promise<void> {
  try {
    await sink.write(chunk)
  } catch (cause) {
    throw new SinkError(messageOf(cause), { cause })
  }
}

function parseValidator (headers: Dispatcher.ResponseData['headers']): string | undefined {
  if (headers['accept-ranges'] === 'none') return undefined
  const { etag, 'last-modified': date } = headers
  return typeof etag === 'string' && etag.startsWith('"') ? etag : typeof date === 'string' ? date : undefined
}

/** Supports seconds only: mirrors rarely send a date, and pauses are short anyway. */
function parseRetryAfterMs (value: string | string[] | undefined): number {
  return /^\d+$/.test(String(value)) ? Number(value) * 1000 : 0
}

/** Aborts a body that is too slow. A silent one runs into the body timeout. */
function watchRate (transfer: Transfer, policy: RetryPolicy, stalled: AbortController): NodeJS.Timeout {
  const { minBytesPerSecond, rateWindowMs } = policy
  let before = transfer.done
  return setInterval(() => {
    const rate = (transfer.done - before) / rateWindowMs * 1000
    if (rate < minBytesPerSecond) stalled.abort(new TransientError(`sends only ${Math.round(rate)} bytes a second`))
    before = transfer.done
  }, rateWindowMs)
}
