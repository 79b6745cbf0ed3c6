import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger } from 'fastify'
import type { Body } from '../../encode/body.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { openBody, writeParts, type Opened } from './writer.ts'
import { logAnswer } from './request-log.ts'

/** An answer that is the same for everybody who asks for it in the same way, as it was found the long way. */
export interface Plan {
  readonly etag: string
  /** Names and values in turns. The last one is the id of a request, and set anew for each. */
  readonly notModifiedHeaders: string[]
  /** Undefined as long as all who asked for it had it already. */
  readonly whole?: Whole
}

export interface Whole {
  /** As above. */
  readonly headers: string[]
  /** Length of the body, where it is known before it is made. */
  readonly bytes: number | undefined
  readonly body: () => Body | Promise<Body>
}

/** What a client that may be answered the short way accepts, and what it gets. */
interface Known {
  readonly accept: string | undefined
  readonly acceptEncoding: string | undefined
  plan: Plan
}

/** URLs whose plans are kept. */
const LIMIT = 1024

/** Plans of one URL that are kept: clients are of few kinds. */
const KINDS = 4

/** Headers that make an answer one of a kind. */
const SPECIAL = ['origin', 'cache-control', 'if-modified-since', 'content-length', 'transfer-encoding', 'expect'] as const

/** Levels at which no request leaves a line. */
const QUIET = ['silent', 'fatal', 'error']

const recorders = new WeakMap<IncomingMessage, (plan: Plan) => void>()

/** Keeps how a request was answered, if it is one that may come again. */
export function record (request: IncomingMessage, plan: () => Plan): void {
  recorders.get(request)?.(plan())
}

/**
 * The short way. Batches never change, so the URL of one, with what the client accepts, says all of its answer: who asks for what
 * was asked for before gets it without routing, validation and negotiation. Whatever is special goes the long way.
 */
export class Replay {
  readonly #store: DatasetRegistry
  readonly #logger: FastifyBaseLogger
  readonly #known = new Map<string, Known[]>()
  #revision = -1
  #closed = false

  constructor (store: DatasetRegistry, logger: FastifyBaseLogger) {
    this.#store = store
    this.#logger = logger
  }

  /** From now on everything goes the long way. */
  close (): void {
    this.#closed = true
  }

  /** Answers if it is known how; else sees to it that it will be. */
  answer (request: IncomingMessage, response: ServerResponse): boolean {
    const { headers } = request
    if (request.method !== 'GET' || this.#closed || isSpecial(headers)) return false
    if (this.#revision !== this.#store.revision) {
      this.#known.clear()
      this.#revision = this.#store.revision
    }
    const { accept, 'accept-encoding': acceptEncoding, 'if-none-match': held } = headers
    const plan = this.#known.get(request.url!)?.find(known => known.accept === accept && known.acceptEncoding === acceptEncoding)?.plan
    const isHeld = plan !== undefined && held === plan.etag
    if (!isHeld && (held !== undefined || !plan?.whole)) {
      recorders.set(request, plan => this.#keep(request.url!, { accept, acceptEncoding, plan }))
      return false
    }
    const id = headers['x-request-id'] as string | undefined ?? randomUUID()
    if (!QUIET.includes(this.#logger.level)) logAnswer(this.#logger, id, response, isHeld ? undefined : plan!.whole!.bytes)
    if (isHeld) response.writeHead(304, withId(plan.notModifiedHeaders, id)).end()
    else this.#send(plan!.whole!, id, response)
    return true
  }

  #send (whole: Whole, id: string, response: ServerResponse): void {
    const failed = (error: unknown): void => this.#logger.error({ reqId: id, err: error }, 'unexpected error')
    try {
      const body = whole.body()
      if (body instanceof Promise) {
        body.then(made => write(openBody(made))).catch(breakOff)
        return
      }
      write(openBody(body))
    } catch (error) {
      breakOff(error)
    }

    function write (opened: Opened): void {
      response.writeHead(200, withId(whole.headers, id))
      writeParts(response, opened, failed)
    }

    function breakOff (error: unknown): void {
      failed(error)
      response.destroy()
    }
  }

  #keep (url: string, { plan, ...kind }: Known): void {
    const kinds = this.#known.get(url)
    const same = kinds?.find(({ accept, acceptEncoding }) => accept === kind.accept && acceptEncoding === kind.acceptEncoding)
    if (same) {
      // What answers more is not forgotten for what answers less.
      if (plan.whole || !same.plan.whole) same.plan = plan
    } else if (kinds) {
      if (kinds.length === KINDS) kinds.shift()
      kinds.push({ plan, ...kind })
    } else {
      if (this.#known.size === LIMIT) this.#known.delete(this.#known.keys().next().value!)
      this.#known.set(url, [{ plan, ...kind }])
    }
  }
}

/** These headers with the id of a request. The same list serves every request, since it is read before this ends. */
function withId (headers: string[], id: string): string[] {
  headers[headers.length - 1] = id
  return headers
}

function isSpecial (headers: IncomingHttpHeaders): boolean {
  for (const name of SPECIAL) if (headers[name] !== undefined) return true
  return false
}
