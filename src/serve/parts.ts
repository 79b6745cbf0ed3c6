import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { pool } from '../pool.ts'

/**
 * Sends a body of several parts, uncopied and in one system call where the socket has room: a reader that is slow holds
 * references to them, not memory of its own. A stream instead would take a turn of the event loop for each part. Nobody
 * may change the body after this: `onSend` hooks are not run, all others are.
 */
export function sendParts (reply: FastifyReply, parts: readonly Uint8Array[]): FastifyReply {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>)
  if (reply.request.method === 'HEAD') raw.end()
  else writeParts(raw, parts)
  return reply
}

/** Writes all of a body after its head. What of it was gathered for it alone is used again once the system has all. */
export function writeParts (response: ServerResponse, parts: readonly Uint8Array[]): void {
  response.once('finish', () => { for (const { buffer } of parts) pool.giveBack(buffer) })
  response.cork()
  for (const part of parts) response.write(part)
  response.end()
  response.uncork()
}
