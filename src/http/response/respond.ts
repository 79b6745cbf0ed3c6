import type { FastifyReply, FastifyRequest } from 'fastify'
import fresh from 'fresh'
import { bodyOf, type Body } from '../../encode/body.ts'
import type { Chunk } from '../../io/chunk.ts'
import type { CompressedCache } from './compressed-cache.ts'
import { compress, compressGroups, negotiateCoding, type Coding } from './compression.ts'
import { writeBody, writeNotModified, type ResponseBody } from './writer.ts'

/** Raised when the bytes of a response to the same request and version change. */
const REVISION = 1

/** What a successful response contains. */
export interface Content {
  readonly mediaType: string
  /** Headers of the body; not computed for a 304. */
  readonly headers?: () => Readonly<Record<string, string>>
  /** Lower bound of the body's length in bytes if it is worth compressing, else 0. */
  readonly compressibleBytes?: number
  /** Computes the body, or its lazy chunks; not called for a 304. */
  readonly body: () => ResponseBody | Promise<ResponseBody>
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
  /** Where a compressed body is cached, if many clients request it. */
  readonly compressedCache?: CompressedCache | undefined
}

export const immutable = 'public, max-age=31536000, immutable'
export const revalidate = 'no-cache'

/** Responds with a representation, or with 304 if the client has it. */
export async function respond (
  request: FastifyRequest,
  reply: FastifyReply,
  representation: Representation
): Promise<FastifyReply> {
  const { dataset, version, pinned, tag, compressedCache, ...content } = representation
  const coding = resolveCoding(request, content)
  const etag = `"${version}/${tag}/${REVISION}${coding ? `/${coding}` : ''}"`
  reply.header('etag', etag)
  reply.header('cache-control', pinned ? immutable : revalidate)
  vary(reply, 'Accept, Accept-Encoding')
  if (fresh(request.headers, { etag })) return writeNotModified(reply)
  if (!coding || !compressedCache) return send(reply, content, coding, await encodeBody(content, coding))
  const make = async (): Promise<Uint8Array> => await compress(coding, await wholeBody(content))
  return send(reply, content, coding, bodyOf(await compressedCache.get(`${dataset} ${etag}`, make)))
}

/** Responds with content that no cache may store. */
export async function respondUncached (
  request: FastifyRequest,
  reply: FastifyReply,
  content: Content
): Promise<FastifyReply> {
  reply.header('cache-control', 'no-store')
  const coding = resolveCoding(request, content)
  return send(reply, content, coding, await encodeBody(content, coding))
}

/** Responds with JSON that no cache may store. */
export function respondJson (reply: FastifyReply, value: unknown): void {
  reply.header('cache-control', 'no-store').type('application/json; charset=utf-8')
  writeBody(reply, jsonBody(value))
}

function send (
  reply: FastifyReply,
  { mediaType, headers }: Content,
  coding: Coding | undefined,
  body: ResponseBody
): FastifyReply {
  reply.headers({ ...headers?.() }).type(mediaType)
  if (coding) reply.header('content-encoding', coding)
  return writeBody(reply, body)
}

async function encodeBody (content: Content, coding: Coding | undefined): Promise<ResponseBody> {
  const body = await content.body()
  if (!coding) return body
  if ('groups' in body) return { groups: compressGroups(coding, body.groups) }
  return bodyOf(await compress(coding, body.chunks))
}

async function wholeBody (content: Content): Promise<Iterable<Chunk>> {
  const body = await content.body()
  if ('groups' in body) throw new TypeError('a stream cannot be cached')
  return body.chunks
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
