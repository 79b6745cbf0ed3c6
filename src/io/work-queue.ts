/** A share of the memory for concurrent work, to be released once that memory is free again. */
export interface Permit {
  /** Keeps only so many bytes: what a finished computation still holds while its result is sent. */
  shrink (bytes: number): void
  release (): void
}

/** The origin of a job. Clients take turns, and so do the connections of each client. */
export interface Requester {
  readonly client: string
  readonly connection: object
}

export interface WorkQueueOptions {
  /** Memory of all running work together. A job larger than this runs alone. */
  readonly maxBytes: number
  /** Jobs that wait at most. */
  readonly maxQueued: number
}

/** Thrown where too many jobs wait already. */
export class QueueFullError extends Error {
  /** Seconds in which the queue is likely to shrink. */
  readonly retryAfter: number

  constructor (retryAfter: number) {
    super('the queue for expensive work is full')
    this.name = 'QueueFullError'
    this.retryAfter = retryAfter
  }
}

interface Job {
  readonly bytes: number
  readonly start: () => void
}

/** Weight of the latest job in the mean duration. */
const SMOOTHING = 0.1

/**
 * Bounds the memory of expensive work. Jobs that do not fit wait; clients take turns, and what has started runs to
 * its end, so that a crowd is served one after the other rather than all at once and too late.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions
  /** The jobs of each connection of each client, in the order of their next turn. */
  readonly #waiting = new Map<string, Map<object, Job[]>>()
  #queued = 0
  #running = 0
  #runningBytes = 0
  #meanMs = 100
  #rejected = 0

  constructor (options: WorkQueueOptions) {
    this.#options = options
  }

  get running (): number { return this.#running }
  get runningBytes (): number { return this.#runningBytes }
  get queued (): number { return this.#queued }
  /** Jobs that found the queue full. */
  get rejected (): number { return this.#rejected }

  /**
   * Waits for a share of the memory.
   *
   * @param requester whose turn it is; each has one job after the other
   * @param signal of a client that may disconnect, which removes its job from the queue
   * @throws QueueFullError; the signal's reason
   */
  async acquire (bytes: number, requester: Requester, signal: AbortSignal): Promise<Permit> {
    signal.throwIfAborted()
    if (this.#queued === 0 && this.#fits(bytes)) return this.#admit(bytes)
    if (this.#queued >= this.#options.maxQueued) {
      this.#rejected++
      throw new QueueFullError(this.#estimateSeconds())
    }
    return await new Promise((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener('abort', onAbort)
        resolve(this.#admit(bytes))
      }
      const job = { bytes, start }
      const onAbort = (): void => {
        this.#remove(requester, job)
        reject(signal.reason)
        this.#startNext()
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#add(requester, job)
    })
  }

  #fits (bytes: number): boolean {
    return this.#running === 0 || this.#runningBytes + bytes <= this.#options.maxBytes
  }

  #admit (bytes: number): Permit {
    const started = performance.now()
    let held = bytes
    let isReleased = false
    this.#running++
    this.#runningBytes += bytes
    return {
      shrink: rest => {
        if (isReleased || rest >= held) return
        this.#runningBytes -= held - rest
        held = rest
        this.#startNext()
      },
      release: () => {
        if (isReleased) return
        isReleased = true
        this.#running--
        this.#runningBytes -= held
        this.#meanMs += SMOOTHING * (performance.now() - started - this.#meanMs)
        this.#startNext()
      }
    }
  }

  #startNext (): void {
    for (const [client, connections] of this.#waiting) {
      const [connection, jobs] = connections.entries().next().value!
      const job = jobs[0]!
      if (!this.#fits(job.bytes)) return
      this.#remove({ client, connection }, job)
      // Behind all others that wait.
      if (connections.delete(connection)) connections.set(connection, jobs)
      if (this.#waiting.delete(client)) this.#waiting.set(client, connections)
      job.start()
    }
  }

  #add ({ client, connection }: Requester, job: Job): void {
    const connections = this.#waiting.get(client) ?? new Map<object, Job[]>()
    const jobs = connections.get(connection) ?? []
    jobs.push(job)
    connections.set(connection, jobs)
    this.#waiting.set(client, connections)
    this.#queued++
  }

  #remove ({ client, connection }: Requester, job: Job): void {
    const connections = this.#waiting.get(client)
    const jobs = connections?.get(connection)
    const i = jobs?.indexOf(job) ?? -1
    if (!connections || !jobs || i < 0) return
    jobs.splice(i, 1)
    this.#queued--
    if (jobs.length === 0) connections.delete(connection)
    if (connections.size === 0) this.#waiting.delete(client)
  }

  #estimateSeconds (): number {
    const seconds = this.#queued * this.#meanMs / Math.max(1, this.#running) / 1000
    return Math.min(60, Math.max(1, Math.ceil(seconds)))
  }
}
