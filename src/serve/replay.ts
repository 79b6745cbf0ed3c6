import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyBaseLogger } from 'fastify'
import { pool } from '../pool.ts'
import type { DatasetStore } from '../store/store.ts'
import { writeParts } from './parts.ts'
import { logAnswer } from './request-log.ts'

/** An answer that is the same for everybody who asks for it in the same way, as it was found the long way. */
export interface Plan {
  readonly etag: string
  /** Names and values in turns, without what is about one request only. */
  readonly notModifiedHeaders: string[]
  /** Undefined as long as all who asked for it had it already. */
  readonly whole?: Whole
}

export interface Whole {
  readonly headers: string[]
  /** Length of the body. */
  readonly bytes: number
  readonly body: () => Uint8Array[] | Promise<Uint8Array[]>
  /** What the body was last, if that is worth keeping. */
  parts?: Uint8Array[]
}

/** Plans that are kept. */
const LIMIT = 1024

/** Bytes that a plan's body may hold for itself to be kept, too: enough for what stands before views of the stored tensors. */
const OWN_BYTES = 4096

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
  readonly #store: DatasetStore
  readonly #logger: FastifyBaseLogger
  #plans = new Map<string, Plan>()
  #revision = -1
  #closed = false

  constructor (store: DatasetStore, logger: FastifyBaseLogger) {
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
      this.#plans.clear()
      this.#revision = this.#store.revision
    }
    const key = `${request.url}\n${headers.accept ?? ''}\n${headers['accept-encoding'] ?? ''}`
    const plan = this.#plans.get(key)
    const known = headers['if-none-match']
    const isKnown = plan !== undefined && known === plan.etag
    if (!isKnown && (known !== undefined || !plan?.whole)) {
      recorders.set(request, plan => this.#keep(key, plan))
      return false
    }
    const id = String(headers['x-request-id'] ?? randomUUID())
    if (!QUIET.includes(this.#logger.level)) logAnswer(this.#logger, id, response, isKnown ? undefined : plan!.whole!.bytes)
    if (isKnown) response.writeHead(304, [...plan.notModifiedHeaders, 'x-request-id', id]).end()
    else this.#send(plan!.whole!, id, response)
    return true
  }

  #send (whole: Whole, id: string, response: ServerResponse): void {
    const parts = whole.parts ?? whole.body()
    if (parts instanceof Promise) {
      parts.then(write, error => {
        this.#logger.error({ reqId: id, err: error }, 'unexpected error')
        response.destroy()
      })
    } else {
      if (!whole.parts && ownBytes(parts) <= OWN_BYTES) whole.parts = parts
      write(parts)
    }

    function write (parts: Uint8Array[]): void {
      response.writeHead(200, [...whole.headers, 'x-request-id', id])
      writeParts(response, parts)
    }
  }

  #keep (key: string, plan: Plan): void {
    if (this.#plans.get(key)?.whole && !plan.whole) return
    if (this.#plans.size === LIMIT && !this.#plans.has(key)) this.#plans.delete(this.#plans.keys().next().value!)
    this.#plans.set(key, plan)
  }
}

function isSpecial (headers: IncomingHttpHeaders): boolean {
  for (const name of SPECIAL) if (headers[name] !== undefined) return true
  return false
}

/** Bytes of memory that nobody else has: a view of something larger costs nothing. */
function ownBytes (parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { buffer, byteLength }) => pool.hasLent(buffer) || buffer.byteLength === byteLength ? sum + byteLength : sum, 0)
}
