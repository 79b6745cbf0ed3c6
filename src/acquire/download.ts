import { setTimeout as delay } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { messageOf } from '../errors.ts'
import type { Sink } from './sink.ts'
import { Refusal, type Web } from './web.ts'

export interface DownloadOptions {
  readonly web: Web
  readonly sink: Sink
  /** Bytes that there may be at most. */
  readonly ceiling: number
  readonly signal: AbortSignal
  /** Told of the bytes that have come, and of all that will, as far as the answer says it. */
  readonly progress: (done: number, total: number | undefined) => void
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** Whether a body that was cut may be continued by another answer; true unless given. */
  readonly resume?: boolean
}

/** What has come so far, and what names it: an ETag that is strong, or a date (RFC 9110, 13.1.5). */
interface Part {
  done: number
  validator: string | undefined
  /** Answers that it was put together from. */
  pieces: number
}

/** A fault of whoever takes the bytes, passed on as it is. */
class SinkFailure extends Error {}

/** A fault that may pass. */
class Hitch extends Error {
  readonly retryAfterMs: number

  constructor (message: string, retryAfterMs = 0) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}

/**
 * Downloads what is at an address. What fails in a way that may pass is tried again, after pauses that grow and are jittered
 * (full jitter: aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter); a body that was cut is continued where
 * the server can do that, and begun again where it cannot.
 *
 * @returns how many answers it was put together from
 * @throws Error with the reason, and the number of attempts where there were several; what the sink throws, as it is
 */
export async function download (address: string, options: DownloadOptions): Promise<number> {
  const { web: { patience }, sink, signal } = options
  const part: Part = { done: 0, validator: undefined, pieces: 0 }
  for (let attempt = 1; ; attempt++) {
    try {
      await downloadPart(address, part, options)
      return part.pieces
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof SinkFailure) throw error.cause
      if (error instanceof Refusal || attempt === patience.attempts) {
        throw new Error(attempt === 1 ? messageOf(error) : `${messageOf(error)}, ${attempt} attempts`, { cause: error })
      }
      if (part.validator === undefined || options.resume === false) await restart(part, sink)
      await delay(pause(error, attempt, patience), undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}

function pause (error: unknown, attempt: number, { backoffMs, backoffLimitMs }: Web['patience']): number {
  const jittered = Math.random() * Math.min(backoffLimitMs, backoffMs * 2 ** (attempt - 1))
  return Math.min(backoffLimitMs, Math.max(jittered, error instanceof Hitch ? error.retryAfterMs : 0))
}

async function downloadPart (address: string, part: Part, { web, sink, ceiling, signal, headers, progress }: DownloadOptions): Promise<void> {
  const slow = new AbortController()
  const range = part.validator === undefined || part.done === 0 ? {} : { range: `bytes=${part.done}-`, 'if-range': part.validator }
  const answer = await web.get(address, { ...headers, ...range }, AbortSignal.any([signal, slow.signal]))
  try {
    await accept(answer, part, sink)
    const length = answer.headers['content-length']
    const total = length === undefined ? undefined : part.done + Number(length)
    if (total !== undefined && total > ceiling) throw new Refusal(`has ${total} bytes, at most ${ceiling} were expected`)
    part.pieces++
    const watch = watchPace(part, web.patience, slow)
    try {
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
        if (part.done + chunk.length > ceiling) throw new Refusal(`sent more than ${ceiling} bytes`)
        await take(sink, chunk)
        part.done += chunk.length
        progress(part.done, total)
      }
    } finally {
      clearInterval(watch)
    }
  } catch (error) {
    answer.body.on('error', () => {}).destroy()
    throw slow.signal.aborted ? slow.signal.reason : error
  }
}

async function take (sink: Sink, chunk: Uint8Array): Promise<void> {
  try {
    await sink.write(chunk)
  } catch (cause) {
    throw new SinkFailure(messageOf(cause), { cause })
  }
}

/** Sees to it that what has come, and what the answer has, are parts of the same. */
async function accept ({ statusCode, headers }: Dispatcher.ResponseData, part: Part, sink: Sink): Promise<void> {
  if (statusCode === 206 && part.done > 0) {
    const etag = headers.etag
    const [, start] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(String(headers['content-range'])) ?? []
    if (Number(start) === part.done && (etag === undefined || !part.validator!.startsWith('"') || etag === part.validator)) return
    await restart(part, sink)
    throw new Hitch('continued with something else')
  }
  if (statusCode === 200) {
    if (part.done > 0) await restart(part, sink)
    part.validator = validatorOf(headers)
    return
  }
  if (statusCode === 416) await restart(part, sink)
  if (statusCode === 408 || statusCode === 416 || statusCode === 429 || statusCode >= 500) throw new Hitch(`HTTP ${statusCode}`, retryAfterMs(headers['retry-after']))
  throw new Refusal(`HTTP ${statusCode}`)
}

async function restart (part: Part, sink: Sink): Promise<void> {
  await sink.restart()
  Object.assign(part, { done: 0, validator: undefined, pieces: 0 })
}

function validatorOf (headers: Dispatcher.ResponseData['headers']): string | undefined {
  if (headers['accept-ranges'] === 'none') return undefined
  const { etag, 'last-modified': date } = headers
  return typeof etag === 'string' && etag.startsWith('"') ? etag : typeof date === 'string' ? date : undefined
}

/** A date is not waited for: hardly a mirror sends one, and the limit of a pause is short. */
function retryAfterMs (value: string | string[] | undefined): number {
  return /^\d+$/.test(String(value)) ? Number(value) * 1000 : 0
}

/** Gives up a body that hardly moves. One that does not move at all has a timeout of its own. */
function watchPace (part: Part, { slowestBytesPerSecond, slowMs }: Web['patience'], slow: AbortController): NodeJS.Timeout {
  let before = part.done
  return setInterval(() => {
    const rate = (part.done - before) / slowMs * 1000
    if (rate < slowestBytesPerSecond) slow.abort(new Hitch(`sends ${Math.round(rate)} bytes a second`))
    before = part.done
  }, slowMs)
}
