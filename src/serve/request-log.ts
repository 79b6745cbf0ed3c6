import { LogController, type FastifyReply, type FastifyRequest } from 'fastify'

/** One line a request, once it is answered or its reader is gone. */
export class RequestLog extends LogController {
  readonly #logged = new WeakSet<FastifyRequest>()

  override incomingRequest (request: FastifyRequest, reply: FastifyReply): void {
    // Not every version of Node tells of a connection that is destroyed before all of a response is sent in another way.
    reply.raw.once('close', () => this.requestCompleted(undefined, request, reply))
  }

  override requestCompleted (error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    if (this.#logged.has(request)) return
    this.#logged.add(request)
    // Some versions call a response finished when its connection is destroyed.
    const reason = error?.message ?? (request.raw.socket.destroyed ? 'the reader went away' : undefined)
    if (reason !== undefined) request.log.warn({ ...detailsOf(request, reply), reason }, 'request cut short')
    else request.log.info(detailsOf(request, reply), 'request')
  }

  /** A body that could not be sent whole: its reader went away, or it could not be made. Such a request is not completed. */
  override streamError (error: Error & { code?: string }, request: FastifyRequest, reply: FastifyReply): void {
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') request.log.error({ err: error }, 'unexpected error')
    this.requestCompleted(error, request, reply)
  }
}

/** `bytes` of a body whose length is known before it is sent. */
function detailsOf (request: FastifyRequest, reply: FastifyReply): object {
  const length = reply.getHeader('content-length')
  return {
    method: request.method,
    url: request.url,
    status: reply.statusCode,
    ...(length !== undefined && { bytes: Number(length) }),
    ms: Math.round(reply.elapsedTime * 100) / 100
  }
}
