/** A share of the memory for concurrent work, to be released once that memory is free again. */
export interface Permit {
  /** Keeps only so many bytes: what a finished computation still holds while its result is sent. */
  shrink (bytes: number): void
  /**
   * Ends the computation, and lets others reclaim the memory of its result whenever the client pauses. Ends with
   * `release`.
   *
   * @param reclaim frees the memory at once
   * @param pauseMs after its last use, in which the result is not reclaimed
   */
  lend (reclaim: () => void, pauseMs: number): void
  /** Postpones a reclaim, since the client reads. */
  use (): void
  release (): void
}

/** The origin of a job. Clients take turns, and so do the connections of each client. */
export interface Requester {
  readonly client: string
  readonly connection: object
}

export interface ComputingBounds {
  /** Long jobs of a client while no other one computes. */
  readonly alone: number
  /** Long jobs of several clients together: more would only delay each other. */
  readonly shared: number
  /** Of these, the jobs of each client, so that others need not wait for an end. */
  readonly perClient: number
  /** How long a client counts as computing after its latest long job. */
  readonly sharedMs: number
}

export interface WorkQueueOptions {
  /** Memory of all running work together. A job larger than this runs alone. */
  readonly maxBytes: number
  /** Bounds on the long jobs that compute at the same time. */
  readonly computing?: ComputingBounds
  /** Jobs that wait at most. If there are more, the client with most of them loses its latest. */
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

export interface JobOptions {
  /** Whether it keeps a core busy for long, unlike work that threads share fairly. */
  readonly isLong?: boolean
  /** Whether it computes again what was reclaimed, in the middle of a response. It is never rejected then. */
  readonly isResumed?: boolean
}

interface Job {
  readonly bytes: number
  readonly isLong: boolean
  readonly start: () => void
  readonly reject: (error: Error) => void
  /** Whether it may be rejected: not in the middle of a response, where it computes again what was reclaimed. */
  readonly isRejectable: boolean
}

/** The jobs of a client that wait. */
interface Waiting {
  /** Those of each connection, in the order of their next turn. */
  readonly connections: Map<object, Job[]>
  rejectable: number
}

/** A result that may be reclaimed. */
interface Lent {
  readonly reclaim: () => void
  readonly pauseMs: number
  lastUse: number
}

/** Weight of the latest job in the mean duration. */
const SMOOTHING = 0.1

/**
 * Bounds the memory of expensive work. Jobs that do not fit wait; clients take turns, and what has started runs to
 * its end, so that a crowd is served one after the other rather than all at once and too late. Results that clients do
 * not read make room for jobs.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions
  /** By client, in the order of their next turn. */
  readonly #waiting = new Map<string, Waiting>()
  /** The least recently used one first. */
  readonly #lent = new Set<Lent>()
  #long = 0
  /** Long jobs of each client that compute. */
  readonly #computing = new Map<string, number>()
  /** Client of the latest long job. */
  #latestClient: string | undefined
  /** Until then, no client computes more than its share. */
  #sharedUntil = 0
  #timer: NodeJS.Timeout | undefined
  #queued = 0
  #rejectable = 0
  /** Jobs that hold memory, of which some have lent their results. */
  #running = 0
  #runningBytes = 0
  #meanMs = 100
  #rejected = 0
  #reclaimed = 0

  constructor (options: WorkQueueOptions) {
    this.#options = options
  }

  get running (): number { return this.#running }
  get runningBytes (): number { return this.#runningBytes }
  get queued (): number { return this.#queued }
  /** Jobs that found the queue full, or had to leave it to others. */
  get rejected (): number { return this.#rejected }
  /** Results that made room for other work. */
  get reclaimed (): number { return this.#reclaimed }

  /**
   * Waits for a share of the memory.
   *
   * @param requester whose turn it is; each has one job after the other
   * @param signal of a client that may disconnect, which removes its job from the queue
   * @throws QueueFullError; the signal's reason
   */
  async acquire (
    bytes: number,
    requester: Requester,
    signal: AbortSignal,
    { isLong = false, isResumed = false }: JobOptions = {}
  ): Promise<Permit> {
    signal.throwIfAborted()
    const { client } = requester
    if (isLong) this.#noteClient(client)
    const isBusy = isLong && this.#isBusy(client)
    if (this.#queued === 0 && !isBusy && this.#makeRoom(bytes)) return this.#admit(bytes, client, isLong)
    return await new Promise((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener('abort', onAbort)
        resolve(this.#admit(bytes, client, isLong))
      }
      const job: Job = {
        bytes,
        isLong,
        start,
        isRejectable: !isResumed,
        reject: error => {
          signal.removeEventListener('abort', onAbort)
          reject(error)
        }
      }
      const onAbort = (): void => {
        this.#remove(requester, job)
        reject(signal.reason)
        this.#startNext()
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#add(requester, job)
      if (this.#rejectable > this.#options.maxQueued) this.#rejectOne(requester)
      this.#startNext()
    })
  }

  /** Whether a job fits, if need be in place of results that clients do not read. */
  #makeRoom (bytes: number): boolean {
    for (const lent of this.#lent) {
      if (this.#fits(bytes)) return true
      const wait = lent.lastUse + lent.pauseMs - performance.now()
      if (wait > 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined
          this.#startNext()
        }, wait)
        return false
      }
      this.#reclaimed++
      lent.reclaim()
    }
    return this.#fits(bytes)
  }

  #noteClient (client: string): void {
    const isOther = this.#latestClient !== undefined && this.#latestClient !== client
    if (isOther) this.#sharedUntil = performance.now() + (this.#options.computing?.sharedMs ?? 0)
    this.#latestClient = client
  }

  /** Whether as many long jobs compute as may, in all or of a client. */
  #isBusy (client: string): boolean {
    const { computing } = this.#options
    if (!computing) return false
    if (performance.now() >= this.#sharedUntil) return this.#long >= computing.alone
    return this.#long >= computing.shared || (this.#computing.get(client) ?? 0) >= computing.perClient
  }

  #countComputing (client: string, step: 1 | -1): void {
    this.#long += step
    const count = (this.#computing.get(client) ?? 0) + step
    if (count === 0) this.#computing.delete(client)
    else this.#computing.set(client, count)
  }

  #fits (bytes: number): boolean {
    return this.#running === 0 || this.#runningBytes + bytes <= this.#options.maxBytes
  }

  #admit (bytes: number, client: string, isLong: boolean): Permit {
    const started = performance.now()
    let held = bytes
    let isReleased = false
    let lent: Lent | undefined
    this.#running++
    this.#runningBytes += bytes
    if (isLong) {
      // It may have waited for longer than others were idle.
      this.#noteClient(client)
      this.#countComputing(client, 1)
    }
    const endComputing = (): void => {
      if (isLong) this.#countComputing(client, -1)
      this.#meanMs += SMOOTHING * (performance.now() - started - this.#meanMs)
    }
    const end = (): void => {
      if (isReleased) return
      isReleased = true
      if (lent) this.#lent.delete(lent)
      else endComputing()
      this.#running--
      this.#runningBytes -= held
    }
    return {
      shrink: rest => {
        if (isReleased || rest >= held) return
        this.#runningBytes -= held - rest
        held = rest
        this.#startNext()
      },
      lend: (reclaim, pauseMs) => {
        endComputing()
        lent = {
          pauseMs,
          lastUse: performance.now(),
          reclaim () {
            end()
            reclaim()
          }
        }
        this.#lent.add(lent)
        this.#startNext()
      },
      use: () => {
        if (!lent || isReleased) return
        lent.lastUse = performance.now()
        this.#lent.delete(lent)
        this.#lent.add(lent)
      },
      release: () => {
        end()
        this.#startNext()
      }
    }
  }

  #startNext (): void {
    for (const [client, waiting] of this.#waiting) {
      const { connections } = waiting
      const [connection, jobs] = connections.entries().next().value!
      const job = jobs[0]!
      if (job.isLong && this.#isBusy(client)) continue
      if (!this.#makeRoom(job.bytes)) return
      this.#remove({ client, connection }, job)
      // Behind all others that wait.
      if (connections.delete(connection)) connections.set(connection, jobs)
      if (this.#waiting.delete(client)) this.#waiting.set(client, waiting)
      job.start()
    }
  }

  /** Rejects the latest job of the client with most of them, so that a greedy one takes no place from others. */
  #rejectOne (latest: Requester): void {
    let client = latest.client
    const countOf = (name: string): number => this.#waiting.get(name)?.rejectable ?? 0
    for (const name of this.#waiting.keys()) if (countOf(name) > countOf(client)) client = name
    for (const [connection, jobs] of [...this.#waiting.get(client)!.connections].reverse()) {
      const job = jobs.findLast(({ isRejectable }) => isRejectable)
      if (!job) continue
      this.#rejected++
      this.#remove({ client, connection }, job)
      job.reject(new QueueFullError(this.#estimateSeconds()))
      return
    }
  }

  #add ({ client, connection }: Requester, job: Job): void {
    const waiting: Waiting = this.#waiting.get(client) ?? { connections: new Map(), rejectable: 0 }
    const jobs = waiting.connections.get(connection) ?? []
    jobs.push(job)
    waiting.connections.set(connection, jobs)
    this.#waiting.set(client, waiting)
    this.#count(waiting, job, 1)
  }

  #remove ({ client, connection }: Requester, job: Job): void {
    const waiting = this.#waiting.get(client)
    const jobs = waiting?.connections.get(connection)
    const i = jobs?.indexOf(job) ?? -1
    if (!waiting || !jobs || i < 0) return
    jobs.splice(i, 1)
    if (jobs.length === 0) waiting.connections.delete(connection)
    if (waiting.connections.size === 0) this.#waiting.delete(client)
    this.#count(waiting, job, -1)
  }

  #count (waiting: Waiting, { isRejectable }: Job, step: 1 | -1): void {
    this.#queued += step
    if (!isRejectable) return
    waiting.rejectable += step
    this.#rejectable += step
  }

  #estimateSeconds (): number {
    const seconds = this.#queued * this.#meanMs / Math.max(1, this.#running) / 1000
    return Math.min(60, Math.max(1, Math.ceil(seconds)))
  }
}
