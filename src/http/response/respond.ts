import { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fresh from 'fresh'
import type { ComputePool } from '../../compute/compute-pool.ts'
import { bodyOf, type Body } from '../../encode/body.ts'
import { ServiceError } from '../../errors.ts'
import { releaseChunk, type Chunk, type PooledChunk } from '../../io/chunk.ts'
import { QueueFullError, type Permit, type Requester } from '../../io/work-queue.ts'
import {
  STREAM_WINDOW_BYTES, compress, compressGroups, compressorBytes, negotiateCoding, type Coding
} from './compression.ts'
import { clientOf } from '../client.ts'
import type { ServedSamples } from '../metrics/recorder.ts'
import { disconnectSignal } from './disconnect.ts'
import { stepTimes, type StepTimes } from './server-timing.ts'
import { writeBody, writeNotModified, type ResponseBody } from './writer.ts'

/** Raised when the bytes of a response to the same request and version change. */
const REVISION = 3

/** What a successful response contains. */
export interface Content {
  readonly mediaType: string
  /** Headers of the body; not computed for a 304. */
  readonly headers?: (() => Readonly<Record<string, string>>) | undefined
  /** Lower bound of the body's length in bytes if it is worth compressing, else 0. */
  readonly compressibleBytes?: number | undefined
  /** Memory in bytes of what is computed before the first chunk, if that is expensive. */
  readonly workBytes?: number | undefined
  /** The samples of the body; those of a stream are counted as it is computed. */
  readonly samples?: ServedSamples
  /** Computes the body, or its lazy chunks; not called for a 304. */
  readonly body: (work: Work) => ResponseBody | Promise<ResponseBody>
}

/** What computes the body of a response. */
export interface Work {
  /** Aborts when the client disconnects. */
  readonly signal: AbortSignal
  /** Times of the response, to which the steps add theirs. */
  readonly times: StepTimes
  readonly compute: ComputePool
  /** Releases a chunk once the body has been sent or compressed, or its client has disconnected. */
  hold (chunk: PooledChunk): void
}

/** One representation of a resource that never changes within a version of its dataset. */
export interface Representation extends Content {
  readonly dataset: string
  readonly version: string
  /** Whether the request named the version: then the response is immutable. */
  readonly pinned: boolean
  /**
   * Distinguishes this representation from all others of the version, apart from its coding: visible ASCII without
   * quotes.
   */
  readonly tag: string
  /** Whether clients request it repeatedly, so that its compressed body is worth caching. */
  readonly isRecurring?: boolean
}

/** The Cache-Control header of a representation, which never changes if it is immutable. */
export function cacheControl ({ server: { cacheScope } }: FastifyRequest, isImmutable: boolean): string {
  if (isImmutable) return `${cacheScope}, max-age=31536000, immutable`
  return cacheScope === 'private' ? 'private, no-cache' : 'no-cache'
}

/** Responds with a representation, or with 304 if the client has it. */
export async function respond (
  request: FastifyRequest,
  reply: FastifyReply,
  representation: Representation
): Promise<FastifyReply> {
  const { dataset, version, pinned, tag, isRecurring } = representation
  const coding = resolveCoding(request, representation)
  const etag = `"${version}/${tag}/${REVISION}${coding ? `/${coding}` : ''}"`
  reply.header('etag', etag)
  reply.header('cache-control', cacheControl(request, pinned))
  vary(reply, 'Accept, Accept-Encoding')
  if (fresh(request.headers, { etag })) return writeNotModified(reply)
  if (!coding || !isRecurring || isLarge(representation)) {
    return send(reply, representation, coding, await encodeBody(request, reply, representation, coding))
  }
  const { compressedCache, workQueue, compute } = request.server.limits
  const times = stepTimes(reply.raw)
  const compressed = compressedCache.get(`${dataset} ${etag}`, async () => {
    // Shared by all clients that wait for it, so none of them cancels it.
    const permit = await workQueue.acquire(workBytes(representation, coding), requesterOf(request), NEVER)
    const held: PooledChunk[] = []
    const hold = (chunk: PooledChunk): void => { held.push(chunk) }
    try {
      return await compressBody(representation, coding, { signal: NEVER, times, compute, hold })
    } finally {
      held.forEach(releaseChunk)
      permit.release()
    }
  })
  const bytes = compressed instanceof Promise
    ? await times.measure('compress', () => compressed.catch(rejectOverload))
    : compressed
  return send(reply, representation, coding, bodyOf(bytes))
}

const NEVER = new AbortController().signal

/** Responds with content that no cache may store. */
export async function respondUncached (
  request: FastifyRequest,
  reply: FastifyReply,
  content: Content
): Promise<FastifyReply> {
  reply.header('cache-control', 'no-store')
  const coding = resolveCoding(request, content)
  return send(reply, content, coding, await encodeBody(request, reply, content, coding))
}

/** Responds with JSON that no cache may store. */
export function respondJson (reply: FastifyReply, value: unknown): void {
  reply.header('cache-control', 'no-store').type('application/json; charset=utf-8')
  writeBody(reply, jsonBody(value))
}

function send (
  reply: FastifyReply,
  { mediaType, headers, samples }: Content,
  coding: Coding | undefined,
  body: ResponseBody
): FastifyReply {
  reply.headers({ ...headers?.() }).type(mediaType)
  if (coding) reply.header('content-encoding', coding)
  if (samples && reply.request.method !== 'HEAD') reply.server.metrics.addSamples(samples)
  return writeBody(reply, body)
}

/** Waits for its turn where the work is expensive, and holds its share of the memory until the response is sent. */
async function encodeBody (
  request: FastifyRequest,
  { raw: response }: FastifyReply,
  content: Content,
  coding: Coding | undefined
): Promise<ResponseBody> {
  const { workQueue, compute, stallTimeoutMs } = request.server.limits
  const times = stepTimes(response)
  const held: PooledChunk[] = []
  const work: Work = {
    // Most bodies need none, and it takes microseconds to create.
    get signal () { return disconnectSignal(response) },
    times,
    compute,
    hold: chunk => { held.push(chunk) }
  }
  const bytes = workBytes(content, coding)
  if (bytes === 0) return await content.body(work)
  const { signal } = work
  const permit = await times.measure('queue', () => workQueue.acquire(bytes, requesterOf(request), signal))
    .catch(rejectOverload)
  try {
    const body = await encodeWithPermit(content, coding, permit, work)
    // The response of a client that has disconnected meanwhile is closed already, and would release nothing.
    signal.throwIfAborted()
    const release = (): void => {
      held.forEach(releaseChunk)
      permit.release()
    }
    for (const event of ['finish', 'close']) response.once(event, release)
    // A client that reads nothing must not hold memory that others wait for; the reader of a stream may pause.
    if (!('groups' in body) && response.socket instanceof Socket) {
      response.setTimeout(stallTimeoutMs, () => response.destroy())
    }
    return body
  } catch (error) {
    permit.release()
    throw error
  }
}

async function encodeWithPermit (
  content: Content,
  coding: Coding | undefined,
  permit: Permit,
  work: Work
): Promise<ResponseBody> {
  const body = await content.body(work)
  if (!coding) return body
  if ('groups' in body) return { groups: compressGroups(coding, body.groups) }
  if (isLarge(content)) return { groups: compressGroups(coding, onlyGroup(body.chunks)) }
  const bytes = await work.times.measure('compress', () => {
    return compress(coding, body.chunks, content.compressibleBytes!, work.signal)
  })
  permit.shrink(bytes.byteLength)
  return bodyOf(bytes)
}

async function compressBody (content: Content, coding: Coding, work: Work): Promise<Uint8Array> {
  const body = await content.body(work)
  if ('groups' in body) throw new TypeError('a stream cannot be cached')
  return await compress(coding, body.chunks, content.compressibleBytes!, work.signal)
}

/** The memory of a compressor and of its output, which has about a byte per element, and of augmented images. */
function workBytes (content: Content, coding: Coding | undefined): number {
  const { compressibleBytes = 0, workBytes = 0 } = content
  if (!coding) return workBytes
  return workBytes + compressorBytes(coding) + (isLarge(content) ? STREAM_WINDOW_BYTES : compressibleBytes)
}

/**
 * Compressible bytes from which a body is compressed while it is sent instead of before, since its size is unbounded.
 * Not a setting: replicas must send the same bytes under the same ETag.
 */
const LARGE_BYTES = 4 << 20

function isLarge ({ compressibleBytes = 0 }: Content): boolean {
  return compressibleBytes > LARGE_BYTES
}

async function * onlyGroup (chunks: Iterable<Chunk>): AsyncGenerator<Iterable<Chunk>> {
  yield chunks
}

function requesterOf (request: FastifyRequest): Requester {
  return { client: clientOf(request), connection: request.raw.socket }
}

function rejectOverload (error: unknown): never {
  if (!(error instanceof QueueFullError)) throw error
  const detail = 'too many expensive requests are waiting'
  throw new ServiceError('overloaded', detail, { cause: error, retryAfter: error.retryAfter })
}

function resolveCoding ({ headers }: FastifyRequest, { compressibleBytes = 0 }: Content): Coding | undefined {
  return negotiateCoding(headers['accept-encoding'], compressibleBytes)
}

/** The parts of a tag for these scalars. A comma would separate tags in `If-None-Match`. */
export function tagsOf (scalars: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(scalars).map(([name, value]) => `${name}=${value}`.replaceAll(',', ';'))
}

export function jsonBody (value: unknown): Body {
  return bodyOf(Buffer.from(JSON.stringify(value)))
}

function vary (reply: FastifyReply, fields: string): void {
  const already = reply.getHeader('vary')
  reply.header('vary', already ? `${already}, ${fields}` : fields)
}
