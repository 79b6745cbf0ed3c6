import { LogController, type FastifyReply, type FastifyRequest } from 'fastify'

/** One line a request, once it is answered or its reader is gone. */
export class RequestLog extends LogController {
  override incomingRequest (): void {}

  override requestCompleted (error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    const details = {
      method: request.method,
      url: request.url,
      status: reply.statusCode,
      bytes: Number(reply.getHeader('content-length') ?? 0),
      ms: Math.round(reply.elapsedTime * 100) / 100
    }
    if (error) request.log.warn({ ...details, reason: error.message }, 'request cut short')
    else request.log.info(details, 'request')
  }

  /** A body that could not be sent whole: the line of the request itself says why. */
  override streamError (): void {}
}
