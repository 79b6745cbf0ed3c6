import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { Body } from '../../encode/format.ts'
import { PAUSE, bytesOfChunk, releaseChunk, type Chunk } from '../../memory/chunk.ts'
import { TIME_SLICE_MS, yieldToEventLoop } from '../../scheduling/event-loop.ts'
import { serverTiming, stepTimes } from '../metrics/server-timing.ts'

/** A response body: chunks in order; or in groups that arrive one by one, such as the pages of a stream. */
export type ResponseBody = SizedBody | StreamBody

export interface SizedBody extends Body {
  /** Bytes computed before the first write, if those of other bodies would be too many. */
  readonly firstWriteBytes?: number
}

export interface StreamBody {
  /** Length of all chunks in bytes, where known in advance. */
  readonly byteLength?: number
  readonly groups: AsyncIterable<Iterable<Chunk>>
}

/** Bytes computed before the first write: a batch of common size, which fits into the socket's buffers. */
const FIRST_WRITE_BYTES = 1 << 20

/** The same where the length is unknown: a body that ends before this gets a Content-Length. */
const FIRST_WRITE_BYTES_UNSIZED = 1 << 17

/** Bytes per write from then on: what a slow client makes the server hold. */
const WRITE_BYTES = 1 << 16

/**
 * Sends the headers of a reply and a body: the only code that writes a body to a socket. Chunks are computed no
 * faster than the client reads them and written uncopied, in turns with other responses. Pooled buffers are released
 * once the kernel has their bytes. All hooks but `onSend` run, since nothing may alter the body.
 *
 * @throws what computing the first chunks throws; an error in later ones is logged and aborts the response
 */
export function writeBody (reply: FastifyReply, body: ResponseBody): FastifyReply {
  if ('groups' in body) {
    const response = writeHead(reply, body.byteLength)
    if (reply.request.method === 'HEAD') response.end()
    else finish(reply, () => writeGroups(response, body.groups))
  } else {
    writeChunks(reply, body)
  }
  return reply
}

function writeChunks (reply: FastifyReply, body: SizedBody): void {
  const { byteLength, chunks } = body
  const isHead = reply.request.method === 'HEAD'
  if (isHead && byteLength !== undefined) {
    writeHead(reply, byteLength).end()
    return
  }
  const start = performance.now()
  const source = chunks[Symbol.iterator]()
  const limit = firstWriteBytes(body)
  const first = pullRun(source, limit, start + TIME_SLICE_MS)
  // Most bodies need no second time slice.
  if (isComplete(first, limit)) respond(first)
  else takeInSlices(reply, source, limit, first).then(respond).catch(error => reply.send(error))

  function respond (first: ChunkRun): void {
    stepTimes(reply.raw).add('encode', start)
    const response = writeHead(reply, first.isLast ? totalBytes(first.chunks) : byteLength)
    if (isHead) {
      first.chunks.forEach(releaseChunk)
      response.end()
    } else if (first.isLast) {
      writeAll(response, first.chunks)
    } else {
      finish(reply, async () => await flush(response, first.chunks) && await writeRest(response, source))
    }
  }
}

function firstWriteBytes ({ byteLength, minByteLength = 0, firstWriteBytes = FIRST_WRITE_BYTES }: SizedBody): number {
  if (byteLength !== undefined) return firstWriteBytes
  // No use in computing more than one write of a body that does not fit.
  return minByteLength > FIRST_WRITE_BYTES_UNSIZED ? WRITE_BYTES : FIRST_WRITE_BYTES_UNSIZED
}

/** Headers that a client or cache keeps with the representation that it has. */
const STORED_HEADERS = [
  'x-content-type-options',
  'x-frame-options',
  'cross-origin-resource-policy',
  'access-control-expose-headers',
  'timing-allow-origin'
]

/** Tells the client that it has the current representation; without its headers (RFC 9110 §15.4.5). */
export function writeNotModified (reply: FastifyReply): FastifyReply {
  for (const name of STORED_HEADERS) reply.removeHeader(name)
  writeHead(reply.code(304), undefined).end()
  return reply
}

function writeHead (reply: FastifyReply, byteLength: number | undefined): ServerResponse {
  if (byteLength !== undefined) reply.header('content-length', byteLength)
  reply.header('server-timing', serverTiming(reply))
  // Throws for an invalid value, which the error handler can respond to only as long as Fastify has the reply.
  const response = reply.raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>)
  reply.hijack()
  return response
}

interface ChunkRun {
  readonly chunks: readonly Chunk[]
  readonly isLast: boolean
  /** Resolves when there are more. */
  readonly ready?: Promise<void> | undefined
}

/** The next chunks: up to `byteLimit`, and no more after the time `deadline` in milliseconds. */
function pullRun (source: Iterator<Chunk>, byteLimit: number, deadline = Infinity): ChunkRun {
  const chunks: Chunk[] = []
  for (let bytes = 0; bytes < byteLimit && performance.now() < deadline;) {
    const { value, done } = source.next()
    if (done) return { chunks, isLast: true }
    if (!(value instanceof Uint8Array) && value.ready) return { chunks, isLast: false, ready: value.ready }
    if (value !== PAUSE) chunks.push(value)
    bytes += bytesOfChunk(value).byteLength
  }
  return { chunks, isLast: false }
}

function isComplete ({ chunks, isLast }: ChunkRun, byteLimit: number): boolean {
  return isLast || totalBytes(chunks) >= byteLimit
}

/** Takes chunks up to `byteLimit` in all, in turns with other responses, unless the client disconnects. */
async function takeInSlices (
  { raw: response }: FastifyReply,
  source: Iterator<Chunk>,
  byteLimit: number,
  first: ChunkRun
): Promise<ChunkRun> {
  let taken = first
  while (!isComplete(taken, byteLimit) && !response.destroyed) {
    await taken.ready
    await yieldToEventLoop()
    const left = byteLimit - totalBytes(taken.chunks)
    const next = pullRun(source, left, performance.now() + TIME_SLICE_MS)
    taken = { ...next, chunks: [...taken.chunks, ...next.chunks] }
  }
  return taken
}

function totalBytes (chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, chunk) => sum + bytesOfChunk(chunk).byteLength, 0)
}

/** Ends a response with chunks that are all computed, in one system call. */
function writeAll (response: ServerResponse, chunks: readonly Chunk[]): void {
  response.once('finish', () => chunks.forEach(releaseChunk))
  response.cork()
  for (const chunk of chunks) response.write(bytesOfChunk(chunk))
  response.uncork()
  // Not before uncork(): Node 22 and 24 would end a chunked body before its corked chunks.
  response.end()
}

/** Ends a response once its body is written, or aborts it. */
async function finish ({ raw: response, log }: FastifyReply, write: () => Promise<boolean>): Promise<void> {
  try {
    if (await write()) response.end()
  } catch (error) {
    if (error instanceof DisconnectedError) return
    log.error({ err: error }, 'unexpected error')
    response.destroy(error as Error)
  }
}

/** @returns false if the client disconnected, after which no further group is computed */
async function writeGroups (response: ServerResponse, groups: AsyncIterable<Iterable<Chunk>>): Promise<boolean> {
  for await (const group of groups) {
    if (!await writeRest(response, group[Symbol.iterator]())) return false
  }
  return true
}

/**
 * Computes and writes chunks until there are no more. The next ones are computed once the kernel has taken those
 * before, so a slow client holds at most one write.
 *
 * @returns false if the client disconnected
 */
async function writeRest (response: ServerResponse, source: Iterator<Chunk>): Promise<boolean> {
  for (let deadline = 0, isLast = false; !isLast;) {
    if (performance.now() >= deadline) {
      await yieldToEventLoop()
      deadline = performance.now() + TIME_SLICE_MS
    }
    const start = performance.now()
    const next = pullRun(source, WRITE_BYTES, deadline)
    stepTimes(response).add('encode', start)
    if (!await flush(response, next.chunks)) return false
    isLast = next.isLast
    await next.ready
  }
  return true
}

/**
 * Writes chunks in one system call, and releases them once the kernel has them all. Chunks of an aborted response are
 * left to the garbage collector, as the kernel may still be reading them.
 *
 * @returns false if the client disconnected
 */
function flush (response: ServerResponse, chunks: readonly Chunk[]): Promise<boolean> {
  return new Promise(resolve => {
    if (response.destroyed || chunks.length === 0) return resolve(!response.destroyed)
    const onClose = (): void => resolve(false)
    response.once('close', onClose)
    response.cork()
    for (const chunk of chunks.slice(0, -1)) response.write(bytesOfChunk(chunk))
    response.write(bytesOfChunk(chunks.at(-1)!), error => {
      response.off('close', onClose)
      if (!error) chunks.forEach(releaseChunk)
      resolve(!error)
    })
    response.uncork()
  })
}

/** The reason of a signal whose client has closed its connection. */
export class DisconnectedError extends Error {
  constructor () {
    super('the client disconnected')
    this.name = 'DisconnectedError'
  }
}

const signals = new WeakMap<ServerResponse, AbortSignal>()

/** Aborts when the client disconnects before it has all of a response. The same signal for every caller. */
export function disconnectSignal (response: ServerResponse): AbortSignal {
  let signal = signals.get(response)
  if (!signal) {
    const controller = new AbortController()
    const abort = (): void => controller.abort(new DisconnectedError())
    signal = controller.signal
    if (response.destroyed) abort()
    else response.once('close', () => { if (!response.writableFinished) abort() })
    signals.set(response, signal)
  }
  return signal
}
