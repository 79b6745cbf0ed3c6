import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fresh from 'fresh'
import { bodyOf, type Body } from '../../encode/body.ts'
import { bytesOfChunk, type Chunk } from '../../io/chunk.ts'
import { compress, negotiateCoding, type Coding } from './compression.ts'
import { pageStream } from './page-stream.ts'
import { openBody, sendParts } from './writer.ts'
import { record, type Plan, type Whole } from './replay.ts'

/** Raised when the same request to the same version begins to give other bytes. */
const REVISION = 1

/** What is sent, once it is known that it must be. */
export interface Answer {
  readonly mediaType: string
  /** What the answer says of the body; not called where the client already has it, since a 304 says nothing of it. */
  readonly headers?: () => Readonly<Record<string, string>>
  /** Where it pays to compress the body: how many bytes it has at least. */
  readonly compressibleBytes?: number
  /** Gives a compressed body that is kept, or makes it; absent where it is not worth keeping. */
  readonly keepCompressed?: ((coding: Coding, make: () => Promise<Uint8Array>) => Promise<Uint8Array>) | undefined
  /** Makes the body, whole or page by page as it is read; not called where the client already has it. */
  readonly body: () => Body | Promise<Body> | AsyncIterable<Iterable<Chunk>>
}

/** One representation of something that never changes under its version. */
export interface Representation extends Answer {
  readonly version: string
  /** Whether the request named the version: then the answer is good for ever. */
  readonly pinned: boolean
  /** What tells this representation from all others of the version, save its content coding: visible ASCII without quotes. */
  readonly tag: string
}

/** What may be kept for ever, and what is to be asked for again. */
export const lasting = 'public, max-age=31536000, immutable'
export const passing = 'no-cache'

type Sent = FastifyReply | Promise<FastifyReply>

/** Answers 304 to who has the representation, and sends it to who has not. */
export function respond (request: FastifyRequest, reply: FastifyReply, { version, pinned, tag, ...answer }: Representation): Sent {
  const coding = codingOf(request, answer)
  const etag = `"${version}/${tag}/${REVISION}${coding ? `/${coding}` : ''}"`
  reply.header('etag', etag)
  reply.header('cache-control', pinned ? lasting : passing)
  vary(reply, 'Accept, Accept-Encoding')
  if (fresh(request.headers, { etag })) {
    record(request.raw, () => ({ etag, notModifiedHeaders: planned(repeatedHeaders(reply.getHeaders())) }))
    return sendNotModified(reply)
  }
  return send(reply, answer, coding, etag)
}

/** Answers a request whose answer is nobody else's. */
export function respondOnce (request: FastifyRequest, reply: FastifyReply, answer: Answer): Sent {
  reply.header('cache-control', 'no-store')
  return send(reply, answer, codingOf(request, answer))
}

function codingOf ({ headers }: FastifyRequest, { compressibleBytes = 0 }: Answer): Coding | undefined {
  return negotiateCoding(headers['accept-encoding'], compressibleBytes)
}

/** @param etag of what may be sent again */
function send (reply: FastifyReply, { mediaType, headers, keepCompressed, body }: Answer, coding: Coding | undefined, etag?: string): Sent {
  if (coding && keepCompressed) {
    return keepCompressed(coding, async () => compress(coding, await (body as Whole['body'])())).then(compressed => {
      return sendCompressed(reply.headers({ ...headers?.() }).type(mediaType), coding, compressed)
    })
  }
  const made = body()
  reply.headers({ ...headers?.() }).type(mediaType)
  if (Symbol.asyncIterator in made) {
    if (coding) reply.header('content-encoding', coding)
    // Fastify reads what answers a HEAD request to its end, so every page would be made.
    return reply.send(reply.request.method === 'HEAD' ? Readable.from([]) : pageStream(made, coding))
  }
  return made instanceof Promise ? made.then(sendWhole) : sendWhole(made)

  function sendWhole (whole: Body): Sent {
    if (coding) return compress(coding, whole).then(compressed => sendCompressed(reply, coding, compressed))
    const opened = openBody(whole)
    const { bytes, first, rest } = opened
    if (bytes !== undefined) reply.header('content-length', bytes)
    if (etag !== undefined) record(reply.request.raw, () => planOf(reply, etag, body as Whole['body']))
    return first.length === 1 && !rest ? reply.send(bytesOfChunk(first[0]!)) : sendParts(reply, opened)
  }
}

function sendCompressed (reply: FastifyReply, coding: Coding, compressed: Uint8Array): FastifyReply {
  return reply.header('content-length', compressed.byteLength).header('content-encoding', coding).send(compressed)
}

/** How this answer, whose headers are all set, can be given again. */
function planOf (reply: FastifyReply, etag: string, body: Whole['body']): Plan {
  const headers = reply.getHeaders()
  const bytes = headers['content-length'] as number | undefined
  return { etag, notModifiedHeaders: planned(repeatedHeaders(headers)), whole: { headers: planned(headers), bytes, body } }
}

/** Names and values in turns, the last one the id of the request. */
function planned ({ 'x-request-id': id, ...headers }: Readonly<Record<string, unknown>>): string[] {
  return [...Object.entries(headers), ['x-request-id', id] as const].flatMap(([name, value]) => [name, String(value)])
}

/** Parts of a tag that say these scalars. A comma would end the tag in the eyes of those who read `If-None-Match`. */
export function tagsOf (scalars: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(scalars).map(([name, value]) => `${name}=${value}`.replaceAll(',', ';'))
}

/** JSON as a body of one part. */
export function jsonBody (value: unknown): Body {
  return bodyOf(Buffer.from(JSON.stringify(value)))
}

/** What a 304 repeats (RFC 9110, 15.4.5), and what is about this one answer; a cache has all the rest. */
const repeated = ['etag', 'cache-control', 'vary', 'access-control-allow-origin', 'x-request-id']

function repeatedHeaders (headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(repeated.filter(name => headers[name] !== undefined).map(name => [name, String(headers[name])]))
}

export function sendNotModified (reply: FastifyReply): FastifyReply {
  reply.hijack()
  reply.raw.writeHead(304, repeatedHeaders(reply.getHeaders())).end()
  return reply
}

function vary (reply: FastifyReply, fields: string): void {
  const already = reply.getHeader('vary')
  reply.header('vary', already ? `${already}, ${fields}` : fields)
}
