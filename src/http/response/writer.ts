import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { Body } from '../../encode/body.ts'
import { bytesOfChunk, releaseChunk, type Chunk } from '../../io/chunk.ts'
import { TIME_SLICE_MS, yieldToEventLoop } from '../../io/event-loop.ts'

/** Bytes that are made and handed to the socket at first: a batch of common size, which the system has room for. */
const AT_FIRST = 1 << 20

/** The same where only that can tell how many there are. */
const AT_FIRST_UNKNOWN = 1 << 17

/** Bytes that are made and handed over at a time from then on: what does not fit is held until the reader has taken it. */
const AT_ONCE = 1 << 16

/** A body whose first parts are made. */
export interface Opened {
  /** Of all parts, where that is known. */
  readonly bytes?: number | undefined
  readonly first: readonly Chunk[]
  /** Makes the others, if there are any. */
  readonly rest?: Iterator<Chunk> | undefined
}

/** Makes the first parts of a body: all of them, if they are not many bytes. */
export function openBody ({ byteLength: bytes, chunks }: Body): Opened {
  const rest = chunks[Symbol.iterator]()
  const { taken, done } = take(rest, bytes === undefined ? AT_FIRST_UNKNOWN : AT_FIRST)
  return done ? { bytes: taken.reduce((sum, chunk) => sum + bytesOfChunk(chunk).byteLength, 0), first: taken } : { bytes, first: taken, rest }
}

interface Taken {
  readonly taken: readonly Chunk[]
  /** Whether there are no more. */
  readonly done: boolean
}

function take (parts: Iterator<Chunk>, most: number, until = Infinity): Taken {
  const taken: Chunk[] = []
  for (let bytes = 0; bytes < most && performance.now() < until;) {
    const { value, done } = parts.next()
    if (done) return { taken, done }
    taken.push(value)
    bytes += bytesOfChunk(value).byteLength
  }
  return { taken, done: false }
}

/**
 * Sends a body of several parts after its headers. Nobody may change it after this: `onSend` hooks are not run, all others are.
 */
export function sendParts (reply: FastifyReply, opened: Opened): FastifyReply {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>)
  if (reply.request.method === 'HEAD') raw.end()
  else writeParts(raw, opened, error => reply.log.error({ err: error }, 'unexpected error'))
  return reply
}

/**
 * Writes all of a body after its head: uncopied, in one system call for all that is made at a time, and no faster than it is
 * read. So a reader that is slow holds references, or what was made at first or at last, and others have their turn in between.
 * What was made for this body alone is used again once the system has it.
 *
 * @param failed is told why parts could not be made; the response is broken off then
 */
export function writeParts (response: ServerResponse, { first, rest }: Opened, failed: (error: unknown) => void): void {
  let turnEnds = 0
  write({ taken: first, done: rest === undefined })

  function write ({ taken, done }: Taken): void {
    if (done) response.once('finish', () => giveBack(taken))
    response.cork()
    for (const [i, part] of taken.entries()) {
      // Once the system has the last one it has all of them.
      if (done || i < taken.length - 1) response.write(bytesOfChunk(part))
      else response.write(bytesOfChunk(part), error => { if (!error) written(taken) })
    }
    response.uncork()
    // After that: some versions of Node end a chunked body before the chunks that are corked.
    if (done) response.end()
    else if (taken.length === 0) written(taken)
  }

  function written (parts: readonly Chunk[]): void {
    giveBack(parts)
    if (performance.now() < turnEnds) return goOn()
    yieldToEventLoop().then(() => {
      turnEnds = performance.now() + TIME_SLICE_MS
      goOn()
    })
  }

  function goOn (): void {
    if (response.destroyed) return
    let next
    try {
      next = take(rest!, AT_ONCE, turnEnds)
    } catch (error) {
      failed(error)
      response.destroy()
      return
    }
    write(next)
  }
}

function giveBack (parts: readonly Chunk[]): void {
  parts.forEach(releaseChunk)
}
