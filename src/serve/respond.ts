import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fresh from 'fresh'

/** Raised when the same request to the same version begins to give other bytes. */
const REVISION = 1

/** One representation of something that never changes under its version. */
export interface Representation {
  readonly version: string
  /** Whether the request named the version: then the answer is good for ever. */
  readonly pinned: boolean
  /** What tells this representation from all others of the version: visible ASCII without quotes. */
  readonly tag: string
  readonly mediaType: string
  readonly headers?: Readonly<Record<string, string>>
  /** Makes the body; not called where the client already has it. */
  readonly body: () => Uint8Array[]
}

/** The one place that sets cache headers: answers 304 to who has the representation, and sends it to who has not. */
export function respond (request: FastifyRequest, reply: FastifyReply, { version, pinned, tag, mediaType, headers, body }: Representation): FastifyReply {
  reply.headers({
    ...headers,
    etag: `"${version}/${tag}/${REVISION}"`,
    'cache-control': pinned ? 'public, max-age=31536000, immutable' : 'no-cache'
  })
  vary(reply, 'Accept, Accept-Encoding')
  if (fresh(request.headers, { etag: reply.getHeader('etag') as string })) return reply.code(304).send()
  const parts = body()
  return reply
    .type(mediaType)
    .header('content-length', parts.reduce((sum, part) => sum + part.byteLength, 0))
    .send(parts.length === 1 ? parts[0] : new Parts(parts))
}

/** JSON as a body of one part. */
export function jsonBody (value: unknown): Uint8Array[] {
  return [Buffer.from(JSON.stringify(value))]
}

function vary (reply: FastifyReply, fields: string): void {
  const already = reply.getHeader('vary')
  reply.header('vary', already ? `${already}, ${fields}` : fields)
}

/** Sends parts one after the other, uncopied: a reader that is slow holds references, not memory of its own. */
class Parts extends Readable {
  readonly #parts: Iterator<Uint8Array>

  constructor (parts: readonly Uint8Array[]) {
    super({ highWaterMark: 1 })
    this.#parts = parts.filter(part => part.length > 0)[Symbol.iterator]()
  }

  override _read (): void {
    this.push(this.#parts.next().value ?? null)
  }
}
