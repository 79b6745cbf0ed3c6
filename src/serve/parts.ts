import type { FastifyReply } from 'fastify'

/**
 * Sends a body of several parts, uncopied and in one system call where the socket has room: a reader that is slow holds
 * references to them, not memory of its own. A stream instead would take a turn of the event loop for each part. Nobody
 * may change the body after this: `onSend` hooks are not run, all others are.
 */
export function sendParts (reply: FastifyReply, parts: readonly Uint8Array[]): FastifyReply {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>)
  if (reply.request.method === 'HEAD') {
    raw.end()
    return reply
  }
  raw.cork()
  for (const part of parts) raw.write(part)
  raw.end()
  raw.uncork()
  return reply
}
