/** A failure that another attempt may not have. */
export class TransientError extends Error {
  /** Pause that the server asked for. */
  readonly retryAfterMs: number

  constructor (message: string, retryAfterMs = 0) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}

/** A failure that every attempt would have. */
export class PermanentError extends Error {}
