import type { FastifyBaseLogger } from 'fastify'
import { messageOf } from '../../errors.ts'

/** Milliseconds between two warnings while the collector is down. */
const REPEAT_MS = 10 * 60 * 1000

/** Logs when spans cannot be exported, now and then while that lasts, and when they can be again. */
export class ExportStatus {
  readonly #log: Pick<FastifyBaseLogger, 'info' | 'warn'>
  #lost = 0
  #lastWarning = -Infinity

  constructor (log: Pick<FastifyBaseLogger, 'info' | 'warn'>) {
    this.#log = log
  }

  failed (spans: number, error: unknown): void {
    this.#lost += spans
    const now = performance.now()
    if (now - this.#lastWarning < REPEAT_MS) return
    this.#lastWarning = now
    this.#log.warn(`traces cannot be exported: ${messageOf(error)}; spans lost so far: ${this.#lost}`)
  }

  succeeded (): void {
    if (this.#lost === 0) return
    this.#log.info(`traces are exported again; spans lost: ${this.#lost}`)
    this.#lost = 0
    this.#lastWarning = -Infinity
  }
}
