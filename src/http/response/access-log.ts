import { LogController, type FastifyReply, type FastifyRequest } from 'fastify'

/** One line per request, once it is answered or its client has disconnected. */
export class AccessLog extends LogController {
  readonly #logged = new WeakSet<FastifyRequest>()

  override incomingRequest (request: FastifyRequest, reply: FastifyReply): void {
    // Fastify reports a response only when it finishes, which an aborted one may not.
    reply.raw.once('close', () => this.requestCompleted(undefined, request, reply))
  }

  override requestCompleted (error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    if (this.#logged.has(request)) return
    this.#logged.add(request)
    const reason = (error ?? reply.raw.errored)?.message
    // Some versions of Node report a response as finished when its connection was destroyed.
    if (reason !== undefined || request.raw.socket.destroyed) {
      request.log.warn({ ...describe(request, reply), reason: reason ?? 'the client disconnected' }, 'request aborted')
    } else {
      request.log.info(describe(request, reply), 'request')
    }
  }
}

/** `bytes` is given where the length of the body was known in advance. */
function describe (request: FastifyRequest, reply: FastifyReply): object {
  const length = reply.getHeader('content-length')
  return {
    method: request.method,
    url: request.url,
    status: reply.statusCode,
    ...(length !== undefined && { bytes: Number(length) }),
    ms: Math.round(reply.elapsedTime * 100) / 100
  }
}
