import type { components } from './schema.js'

/** The problem document (RFC 9457) of a failed request. */
export type Problem = components['schemas']['Problem']

export type ErrorCode = Problem['code'] | 'unreachable' | 'unknown'

/** The server rejected a request, or it still failed after all retries. */
export class BatchServerError extends Error {
  /** HTTP status; undefined if there was no response. */
  readonly status: number | undefined
  /** The stable code of the problem; `unreachable` without a response. */
  readonly code: ErrorCode
  /** What is wrong, in the server's words. */
  readonly detail: string
  /** Each invalid parameter and its allowed values. */
  readonly allowed: Readonly<Record<string, string>>

  constructor (
    detail: string,
    options: { status?: number, code?: ErrorCode, allowed?: Record<string, string>, cause?: unknown } = {}
  ) {
    const { status, code = 'unreachable', allowed = {}, cause } = options
    super(status === undefined ? detail : `${detail} (${status} ${code})`, cause === undefined ? undefined : { cause })
    this.name = 'BatchServerError'
    this.status = status
    this.code = code
    this.detail = detail
    this.allowed = allowed
  }

  static fromProblem (status: number, problem: Partial<Problem>, context = ''): BatchServerError {
    const { detail = problem.title ?? `the server responds with ${status}`, code = 'unknown', errors = [] } = problem
    const allowed = Object.fromEntries(errors.map(({ parameter, allowed }) => [parameter, allowed]))
    return new BatchServerError(detail + context, { status, code, allowed })
  }
}

/** A state does not fit the batches that it was given to. */
export class StateError extends Error {
  constructor (message: string) {
    super(message)
    this.name = 'StateError'
  }
}
