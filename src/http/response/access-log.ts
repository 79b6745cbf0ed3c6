import { LogController, type FastifyReply, type FastifyRequest } from 'fastify'
import { messageOf } from '../../errors.ts'

/** One line per request, once it is answered or its client has disconnected. */
export class AccessLog extends LogController {
  readonly #logged = new WeakSet<FastifyRequest>()
  readonly #clients = new WeakMap<FastifyRequest, string | undefined>()
  readonly #loggedSuccesses: number

  /** @param loggedSuccesses the fraction of successful requests that are logged; all others are */
  constructor (loggedSuccesses: number) {
    super()
    this.#loggedSuccesses = loggedSuccesses
  }

  override incomingRequest (request: FastifyRequest, reply: FastifyReply): void {
    // A connection that is closed has no address any more.
    this.#clients.set(request, request.clientAddress)
    // Fastify reports a response only when it finishes, which an aborted one may not.
    reply.raw.once('close', () => this.requestCompleted(undefined, request, reply))
  }

  override requestCompleted (error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    if (this.#logged.has(request)) return
    this.#logged.add(request)
    const cause: NodeJS.ErrnoException | null = error ?? reply.raw.errored
    // Some versions of Node report a response as finished when its connection was destroyed.
    if (cause || request.raw.socket.destroyed) {
      // Node 26 gives a disconnect as the error of a response, others do not.
      const reason = !cause || cause.code === 'ECONNRESET' ? 'the client disconnected' : messageOf(cause)
      request.log.warn({ ...this.#describe(request, reply), reason }, 'request aborted')
    } else if (reply.statusCode >= 400 || Math.random() < this.#loggedSuccesses) {
      request.log.info(this.#describe(request, reply), 'request')
    }
  }

  #describe (request: FastifyRequest, reply: FastifyReply): object {
    return { client: this.#clients.get(request), ...describe(request, reply) }
  }
}

/** `bytes` is given where the length of the body was known in advance. */
function describe (request: FastifyRequest, reply: FastifyReply): object {
  const length = reply.getHeader('content-length')
  return {
    method: request.method,
    url: urlOf(request, reply.statusCode),
    // None was sent if the client disconnected before.
    ...((reply.raw.headersSent || reply.statusCode !== 200) && { status: reply.statusCode }),
    ...(length !== undefined && { bytes: Number(length) }),
    ms: Math.round(reply.elapsedTime * 100) / 100
  }
}

/** Without API keys. A valid request has none, as every parameter and segment of its address has been checked. */
function urlOf ({ originalUrl, server, routeOptions }: FastifyRequest, status: number): string {
  const isChecked = status < 400 && routeOptions.config?.isPublic !== true
  return isChecked ? originalUrl : server.maskKeys(originalUrl)
}
