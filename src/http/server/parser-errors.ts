import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'
import plugin from 'fastify-plugin'
import { abbreviate, ServiceError, type ErrorCode } from '../../errors.ts'
import { canonicalAddress } from '../query/client.ts'
import { problemDocument, problemMediaType, missingResource } from '../response/problem.ts'
import { pathOf } from './base-path.ts'
import { pendingResponses } from './connections.ts'

export interface ParserErrorOptions {
  /** Headers of every response. */
  readonly headers: Readonly<Record<string, string>>
  /** Origins that browsers may read from. */
  readonly origins: readonly string[]
}

/** An error of Node's HTTP parser, or a timeout. */
interface ClientError extends NodeJS.ErrnoException {
  readonly reason?: string
  /** What the parser was given, and how much of it is valid. */
  readonly rawPacket?: Buffer
  readonly bytesParsed?: number
}

/** Milliseconds in which a client may still send what it had begun, since closing earlier could reset its response. */
const LINGER_MS = 1000

/**
 * Problem documents for requests that never reach Fastify: those that Node's parser rejects, that take too long to
 * arrive, or that ask for a tunnel. Nothing more can be read from their connection, so it is closed.
 */
export default plugin(async (app, { headers, origins }: ParserErrorOptions) => {
  const rejected = new WeakSet<Socket>()
  const lastResponses = new WeakMap<Socket, ServerResponse>()

  app.server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    lastResponses.set(socket, response)
  })

  app.server.removeAllListeners('clientError')
  app.server.on('clientError', (error: ClientError, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy(error)
    else reject(socket, toProblem(error, path => app.allowedMethods(path)), originOf(error))
  })

  app.server.on('connect', ({ method, url, headers }: IncomingMessage, socket: Socket) => {
    const isPath = url!.startsWith('/')
    // It has no listeners any more.
    socket.on('error', () => socket.destroy())
    const allowed = app.allowedMethods(isPath ? pathOf(url!) : undefined)
    reject(socket, missingResource(method!, pathOf(url!), allowed), headers.origin)
  })

  // Node's own response to an unknown expectation has no body; a hook rejects it.
  app.server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    app.server.emit('request', request, response)
  })

  function reject (socket: Socket, problem: ServiceError, origin: string | undefined): void {
    // The parser fails again for everything that follows.
    if (rejected.has(socket)) return
    rejected.add(socket)
    app.metrics.malformed++
    const client = socket.remoteAddress && canonicalAddress(socket.remoteAddress)
    const last = lastResponses.get(socket)
    const atFault = last?.req.complete === false ? last : undefined
    const respond = (): void => {
      if (!socket.writable) return
      log(app.log, problem, client, text => app.maskKeys(text))
      // For the log and the metrics, which have no other response of the request.
      if (atFault && !atFault.headersSent) atFault.statusCode = problem.status
      // The request may have its response already.
      if (atFault?.headersSent) socket.end()
      else socket.end(format(problem, { ...headers, ...corsHeaders(atFault?.req.headers.origin ?? origin, origins) }))
      socket.resume()
      setTimeout(() => socket.destroy(), LINGER_MS).unref()
    }
    // Earlier requests of the connection get their responses first.
    const previous = pendingResponses(socket).filter(response => response !== atFault).at(-1)
    if (previous) previous.once('close', respond)
    else respond()
  }
}, { name: 'parser-errors' })

/** The value of `Origin` in what the parser was given, which is the last packet of the request. */
function originOf ({ rawPacket }: ClientError): string | undefined {
  return rawPacket && /\r\norigin:[ \t]*([!-~]+)[ \t]*\r\n/i.exec(rawPacket.toString('latin1'))?.[1]
}

/** Headers that depend on the origin; those of a public service are among the headers of every response. */
function corsHeaders (origin: string | undefined, origins: readonly string[]): Record<string, string> {
  if (origins.length === 0 || origins.includes('*')) return {}
  const isAllowed = origin !== undefined && origins.includes(origin)
  return { vary: 'Origin', ...(isAllowed && { 'access-control-allow-origin': origin }) }
}

function log (
  logger: FastifyBaseLogger,
  { status, message }: ServiceError,
  client: string | undefined,
  mask: (text: string) => string
): void {
  logger.warn({ status, client, reason: mask(message) }, 'request rejected')
}

function format (problem: ServiceError, headers: Readonly<Record<string, string>>): string {
  const body = JSON.stringify(problemDocument(problem))
  const fields = {
    ...headers,
    ...problem.headers,
    'cache-control': 'no-store',
    'content-type': problemMediaType,
    'content-length': Buffer.byteLength(body),
    date: new Date().toUTCString(),
    connection: 'close'
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join('')}\r\n${body}`
}

const known: Readonly<Record<string, [code: ErrorCode, detail: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'the request did not arrive in time'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['content_too_large', 'the extensions of the chunks are too long']
}

function toProblem (error: ClientError, allowedMethods: (path: string) => string[]): ServiceError {
  const { code = '', reason = 'it is malformed', rawPacket = Buffer.alloc(0), bytesParsed = 0 } = error
  if (known[code]) return new ServiceError(...known[code])
  if (code === 'HPE_HEADER_OVERFLOW') return describeOverflow(rawPacket.toString('latin1', 0, bytesParsed))
  const lineStart = rawPacket.subarray(0, bytesParsed).lastIndexOf('\n') + 1
  const line = rawPacket.toString('latin1', lineStart).split(/\r?\n/, 1)[0]!
  const [, method, target, version] = /^([!#$%&'*+.^_`|~\w-]+) (\S+) HTTP\/(\d[.\d]*)$/.exec(line) ?? []
  const isSupported = version === '1.1' || version === '1.0'
  if (code === 'HPE_INVALID_METHOD' && isSupported) {
    return missingResource(method!, pathOf(target!), allowedMethods(pathOf(target!)))
  }
  if (code === 'HPE_PAUSED_H2_UPGRADE' || (code === 'HPE_INVALID_VERSION' && version !== undefined && !isSupported)) {
    return new ServiceError('unsupported_http_version', 'this server supports HTTP/1.1 and HTTP/1.0')
  }
  return new ServiceError('bad_request', `the request is not valid HTTP: ${abbreviate(reason)}`)
}

/** Node limits the length of the request line and all headers together. */
function describeOverflow (parsed: string): ServiceError {
  const head = parsed.slice(parsed.lastIndexOf('\r\n\r\n') + 1).trimStart()
  return /^[A-Z-]+ [^\r\n]*$/.test(head)
    ? new ServiceError('uri_too_long', 'the URL is too long: with all headers, it may have at most 16 KiB')
    : new ServiceError('headers_too_large', 'the headers are too long: with the URL, they may have at most 16 KiB')
}
