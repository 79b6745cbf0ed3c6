import type { FastifyReply, FastifyRequest } from 'fastify'
import fresh from 'fresh'
import type { ComputePool } from '../../compute/compute-pool.ts'
import type { DatasetIdentity } from '../../dataset/prepared.ts'
import { bodyOf, sumByteLengths, type Body } from '../../encode/format.ts'
import { ServiceError } from '../../errors.ts'
import { concatInSlices } from '../../memory/bytes.ts'
import { bytesOfChunk, pauseAfter, releaseChunk, type Chunk, type PooledChunk } from '../../memory/chunk.ts'
import { yieldToEventLoop } from '../../scheduling/event-loop.ts'
import { QueueFullError, type Permit, type Requester } from '../../scheduling/work-queue.ts'
import type { ServedSamples } from '../metrics/recorder.ts'
import { StepTimes, stepTimes } from '../metrics/server-timing.ts'
import { clientOf } from '../query/client.ts'
import {
  STREAM_WINDOW_BYTES, compress, compressGroups, compressorBytes, negotiateCoding, type Coding
} from './compression.ts'
import { ReclaimableBody } from './reclaimable.ts'
import { disconnectSignal, writeBody, writeNotModified, type ResponseBody } from './writer.ts'

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
  /** Whether the body is a stream, which acquires memory for each of its pages. */
  readonly isStream?: boolean
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
  releaseWhenSent (chunk: PooledChunk): void
  /**
   * Computes a page of a stream in memory that others may reclaim while the client pauses.
   *
   * @param bytes of that memory
   */
  computePage (bytes: number, compute: (work: Work) => Promise<Body>): Promise<ReclaimableBody>
}

/** One representation of a resource that never changes within a version: immutable if the request names that. */
export interface Representation extends Content {
  readonly dataset: DatasetIdentity
  /** Whether replicas of the version may differ in it, so that it is never immutable. */
  readonly isOfReplica?: boolean
  /**
   * Distinguishes this representation from all others of the version, apart from its coding: visible ASCII without
   * quotes.
   */
  readonly tag: string
  /** Whether clients request it repeatedly, so that its compressed body is worth caching. */
  readonly isRecurring?: boolean
  /** Whether its body is worth caching even if it is not compressed. */
  readonly isExpensive?: boolean
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
  const { dataset: { entry: { name }, version }, isOfReplica = false, tag, isRecurring, isExpensive } = representation
  const isPinned = !isOfReplica && (request.query as { readonly version?: string }).version !== undefined
  const etagIn = (coding: Coding | undefined): string => `"${version}/${tag}/${REVISION}${coding ? `/${coding}` : ''}"`
  const accepted = resolveCoding(request, representation)
  reply.header('etag', etagIn(accepted))
  reply.header('cache-control', cacheControl(request, isPinned))
  vary(reply, 'Accept, Accept-Encoding')
  if (fresh(request.headers, { etag: etagIn(accepted) })) return writeNotModified(reply)
  const coding = reserveCompressor(request, reply, representation, accepted)
  const etag = etagIn(coding)
  if (coding !== accepted) reply.header('etag', etag)
  const isCached = coding ? isRecurring : isExpensive
  if (!isCached || isCompressedWhileSent(representation)) {
    return send(reply, representation, coding, await encodeBody(request, reply, representation, coding))
  }
  const { compressedCache } = request.server.limits
  const encoded = compressedCache.get(`${name} ${etag}`, () => encodeForAll(request, representation, coding))
  const bytes = encoded instanceof Promise
    ? await stepTimes(reply.raw).measure(coding ? 'compress' : 'encode', () => encoded.catch(rejectOverload))
    : encoded
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
  const coding = reserveCompressor(request, reply, content, resolveCoding(request, content))
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

/**
 * Waits for memory where the work is expensive. Once that is done, others may reclaim the memory while the client
 * pauses.
 */
async function encodeBody (
  request: FastifyRequest,
  { raw: response }: FastifyReply,
  content: Content,
  coding: Coding | undefined
): Promise<ResponseBody> {
  const { workQueue, compute } = request.server.limits
  const times = stepTimes(response)
  const bytes = workBytes(content, coding)
  const isLong = coding !== undefined && !isCompressedWhileSent(content)
  const work: Work = {
    // Most bodies need none, and it takes microseconds to create.
    get signal () { return disconnectSignal(response) },
    times,
    compute,
    releaseWhenSent () { throw new TypeError('memory is held only for what acquires some') },
    computePage: computeReclaimable
  }
  if (content.isStream || bytes === 0) return encodeWhileSent(await content.body(work), content, coding)
  const body = await computeReclaimable(bytes, async (work, permit) => {
    if (!coding || isCompressedWhileSent(content)) return await content.body(work) as Body
    const compressed = await encodeWhole(content, coding, work)
    permit.shrink(sumByteLengths(compressed))
    return bodyOf(...compressed)
  })
  response.once('close', () => body.close())
  return encodeWhileSent(body, content, coding)

  async function computeReclaimable (
    bytes: number,
    run: (work: Work, permit: Permit) => Promise<Body>
  ): Promise<ReclaimableBody> {
    const { signal } = work
    const body = await ReclaimableBody.compute({
      acquire: isResumed => times.measure('queue', () => {
        return workQueue.acquire(bytes, requesterOf(request), signal, { isLong, isResumed }).catch(rejectOverload)
      }),
      compute: (permit, releaseWhenSent) => {
        return run({ times, compute, signal, releaseWhenSent, computePage: computeReclaimable }, permit)
      }
    })
    // The response of a client that has disconnected meanwhile is closed already, and would release nothing.
    if (signal.aborted) body.close()
    signal.throwIfAborted()
    return body
  }
}

/** Compresses a body that is not compressed before it is sent. */
function encodeWhileSent (body: ResponseBody, content: Content, coding: Coding | undefined): ResponseBody {
  if (!coding || !isCompressedWhileSent(content)) return body
  return { groups: compressGroups(coding, 'groups' in body ? body.groups : onlyGroup(body.chunks)) }
}

/** Encodes a body for the cache and all clients that wait for it, so none of them cancels it. */
async function encodeForAll (
  request: FastifyRequest,
  content: Content,
  coding: Coding | undefined
): Promise<Uint8Array> {
  const { workQueue, compute } = request.server.limits
  const permit = await workQueue.acquire(workBytes(content, coding), requesterOf(request), NEVER, { isLong: true })
  // Each response has the whole as one step.
  const work = { signal: NEVER, times: new StepTimes(), compute }
  try {
    return await concatInSlices(await encodeWhole(content, coding, work))
  } finally {
    permit.release()
  }
}

/** Encodes a body as a whole, and releases the memory that computed it. */
async function encodeWhole (
  content: Content,
  coding: Coding | undefined,
  work: Pick<Work, 'signal' | 'times' | 'compute'>
): Promise<Uint8Array[]> {
  const held: PooledChunk[] = []
  const { signal, times, compute } = work
  const computePage = (): never => { throw new TypeError('a stream is compressed while it is sent') }
  try {
    const releaseWhenSent = (chunk: PooledChunk): void => { held.push(chunk) }
    const { chunks } = await content.body({ signal, times, compute, computePage, releaseWhenSent }) as Body
    if (!coding) return await copyChunks(chunks)
    return await times.measure('compress', () => compress(coding, chunks, content.compressibleBytes!, signal))
  } finally {
    held.forEach(releaseChunk)
  }
}

/** Copies of chunks that are computed one after the other, yielding to the event loop. */
async function copyChunks (chunks: Iterable<Chunk>): Promise<Uint8Array[]> {
  const copies: Uint8Array[] = []
  for (const chunk of chunks) {
    copies.push(Uint8Array.from(bytesOfChunk(chunk)))
    releaseChunk(chunk)
    await (pauseAfter(chunk) ?? yieldToEventLoop())
  }
  return copies
}

/**
 * The coding of a response, for which a body that is compressed while it is sent needs a compressor as long as its
 * client reads. If those of other clients have all memory for compressors, it is not compressed.
 */
function reserveCompressor (
  request: FastifyRequest,
  { raw: response }: FastifyReply,
  content: Content,
  coding: Coding | undefined
): Coding | undefined {
  if (!coding || !isCompressedWhileSent(content) || request.method === 'HEAD') return coding
  const bytes = compressorBytes(coding) + STREAM_WINDOW_BYTES
  const release = request.server.limits.compressorMemory.take(bytes, clientOf(request))
  if (!release) return undefined
  response.once('close', release)
  return coding
}

/** The memory of a compressor and of its output, which has about a byte per element, and of augmented images. */
function workBytes (content: Content, coding: Coding | undefined): number {
  const { compressibleBytes = 0, workBytes = 0 } = content
  if (!coding || isCompressedWhileSent(content)) return workBytes
  return workBytes + compressorBytes(coding) + compressibleBytes
}

/**
 * Compressible bytes from which a body is compressed while it is sent instead of before, since its size is unbounded.
 * Not a setting: replicas must send the same bytes under the same ETag.
 */
const LARGE_BYTES = 4 << 20

function isCompressedWhileSent ({ compressibleBytes = 0, isStream = false }: Content): boolean {
  return isStream || compressibleBytes > LARGE_BYTES
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

export function jsonBody (value: unknown): Body {
  return bodyOf(Buffer.from(JSON.stringify(value)))
}

function vary (reply: FastifyReply, fields: string): void {
  const already = reply.getHeader('vary')
  reply.header('vary', already ? `${already}, ${fields}` : fields)
}
