import type { ServerResponse } from 'node:http'
import { LogController, type FastifyBaseLogger, type FastifyReply, type FastifyRequest } from 'fastify'

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

/**
 * The same line of a request that Fastify does not see. To be called before it is answered.
 *
 * @param bytes of the body, if there is to be one
 */
export function logAnswer (logger: FastifyBaseLogger, reqId: string, response: ServerResponse, bytes: number | undefined): void {
  const { req: { method, url, socket } } = response
  const started = performance.now()
  let logged = false
  const log = (finished: boolean): void => {
    if (logged) return
    logged = true
    const ms = Math.round((performance.now() - started) * 100) / 100
    const details = { reqId, method, url, status: response.statusCode, ...(bytes !== undefined && { bytes }), ms }
    if (finished) logger.info(details, 'request')
    else logger.warn({ ...details, reason: 'the reader went away' }, 'request cut short')
  }
  response.once('finish', () => log(!socket.destroyed))
  response.once('close', () => log(false))
}
