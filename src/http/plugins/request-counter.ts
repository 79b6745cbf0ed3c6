/** How many requests a client may still send in its window. */
export interface Allowance {
  readonly remaining: number
  readonly isExceeded: boolean
  /** Milliseconds until the window ends. */
  readonly resetMs: number
}

export interface RequestCounterOptions {
  /** Requests of a client in a window. */
  readonly max: number
  readonly windowMs: number
  /** Clients to count at the same time; of those that are below their limit, the earliest are forgotten. */
  readonly maxClients: number
  /** Milliseconds of a clock that never jumps. */
  readonly now?: () => number
}

interface Window {
  count: number
  readonly end: number
}

/**
 * Counts the requests of each client in windows that begin with its first one. However many clients there are, one that
 * has reached its limit is remembered.
 */
export class RequestCounter {
  readonly #options: RequestCounterOptions
  readonly #now: () => number
  /** Clients below their limit, in the order of their windows. */
  readonly #counting = new Map<string, Window>()
  /** Clients that have reached it, in that order. */
  readonly #exhausted = new Map<string, Window>()

  constructor (options: RequestCounterOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  count (client: string): Allowance {
    const { max, windowMs, maxClients } = this.#options
    const now = this.#now()
    for (const windows of [this.#counting, this.#exhausted]) removeEnded(windows, now)
    let window = this.#exhausted.get(client) ?? this.#counting.get(client)
    if (!window || window.end <= now) {
      this.#exhausted.delete(client)
      this.#counting.delete(client)
      window = { count: 0, end: now + windowMs }
      this.#counting.set(client, window)
    }
    window.count++
    if (window.count === max) {
      this.#counting.delete(client)
      this.#exhausted.set(client, window)
    }
    for (const windows of [this.#counting, this.#exhausted]) if (windows.size > maxClients) removeFirst(windows)
    return { remaining: Math.max(0, max - window.count), isExceeded: window.count > max, resetMs: window.end - now }
  }
}

function removeEnded (windows: Map<string, Window>, now: number): void {
  for (const [client, { end }] of windows) {
    if (end > now) return
    windows.delete(client)
  }
}

function removeFirst (windows: Map<string, Window>): void {
  windows.delete(windows.keys().next().value!)
}
