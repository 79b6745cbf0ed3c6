import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'
import { recordedSteps, stepNames, type Step } from './server-timing.ts'

/** Samples that a response delivers. */
export interface ServedSamples {
  readonly dataset: string
  readonly split: string
  readonly format: string
  readonly count: number
}

/** The responses to requests of one method to one route with one status. */
export interface ResponseSeries {
  readonly method: string
  readonly route: string
  readonly status: number
  /** Seconds from a request to the end of its response. */
  readonly seconds: Histogram
  /** Bytes sent, with headers. */
  bytes: number
  /** Responses that a disconnect ended. */
  aborted: number
}

/** A 304 takes less than a millisecond, a stream as long as its client trains. */
const REQUEST_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const STEP_BOUNDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** Others are counted together, since clients may send any name. */
const KNOWN_METHODS = ['GET', 'HEAD', 'POST', 'OPTIONS']

/** Successes, and the errors that alerts are about. */
const EXPECTED_STATUSES = [200, 500, 503]

const REPLY = Symbol('reply')
const BYTES = Symbol('bytes of earlier responses')

// Properties, since each entry of a WeakMap would take a microsecond.
type RecordedResponse = ServerResponse & { [REPLY]?: FastifyReply }
type RecordedSocket = Socket & { [BYTES]?: number }

/** What the kernel has accepted of the bytes for a client, and since when it has accepted no more. */
interface Progress {
  /** Bytes of writes that it has accepted as a whole. */
  readonly sent: number
  /** Bytes that are left of the others. */
  readonly queued: number
  readonly since: number
}

/** Node tells only inside how much of a large write the kernel has accepted; TLS writes through another socket. */
type QueueingSocket = Socket & {
  readonly _handle?: { readonly writeQueueSize?: number } | null
  readonly _parent?: QueueingSocket | null
}

function queuedBytes ({ _handle, _parent }: QueueingSocket): number {
  return (_handle?.writeQueueSize ?? 0) + (_parent ? queuedBytes(_parent) : 0)
}

/** Counts what the server does. Labels are routes, methods and datasets of the server, never what clients make up. */
export class MetricsRecorder {
  readonly responses = new Map<string, ResponseSeries>()
  readonly steps = new Map<Step, Histogram>(stepNames.map(step => [step, new Histogram(STEP_BOUNDS)]))
  readonly samples = new Map<string, ServedSamples & { count: number }>()
  /** Requests that Node's parser rejected. */
  malformed = 0
  /** Connections beyond a limit that were closed without a response to a probe. */
  readonly refused = { total: 0, address: 0 }
  /** Responses whose clients read nothing between the last two checks. */
  stalled = 0
  readonly #inFlight = new Set<FastifyReply>()
  #progress = new Map<Socket, Progress>()
  readonly #onClose: (this: RecordedResponse) => void

  constructor () {
    const recorder = this
    // One function for all responses, so that none allocates a closure.
    this.#onClose = function () { recorder.#end(this) }
  }

  /** Replies without the end of their response. */
  get repliesInFlight (): Iterable<FastifyReply> { return this.#inFlight }

  get inFlight (): number { return this.#inFlight.size }

  /** Responses whose headers are sent. */
  get bodiesInFlight (): number {
    let bodies = 0
    for (const { raw } of this.#inFlight) if (raw.headersSent) bodies++
    return bodies
  }

  /** Counts a response once it is closed. */
  track (reply: FastifyReply): void {
    const response: RecordedResponse = reply.raw
    response[REPLY] = reply
    this.#inFlight.add(reply)
    response.once('close', this.#onClose)
  }

  /** Starts to count the responses of a route at zero: a rate ignores the first value of a counter. */
  expect (method: string, route: string): void {
    for (const status of EXPECTED_STATUSES) this.#series(method, route, status)
  }

  addSamples ({ dataset, split, format, count }: ServedSamples): void {
    const key = `${dataset} ${split} ${format}`
    const served = this.samples.get(key)
    if (served) served.count += count
    else this.samples.set(key, { dataset, split, format, count })
  }

  /**
   * Finds clients that have read nothing since the last check.
   *
   * @returns the responses of those that have read nothing for so many milliseconds
   */
  checkStalls (timeoutMs = Infinity): ServerResponse[] {
    const progress = new Map<Socket, Progress>()
    const expired: ServerResponse[] = []
    const now = performance.now()
    let stalled = 0
    for (const { raw } of this.#inFlight) {
      const { req: { socket }, headersSent } = raw
      if (!headersSent || !(socket.writableLength > 0)) continue
      const sent = socket.bytesWritten - socket.writableLength
      const queued = queuedBytes(socket)
      const before = this.#progress.get(socket)
      const isStalled = before?.sent === sent && before.queued === queued
      const since = isStalled ? before.since : now
      progress.set(socket, { sent, queued, since })
      if (isStalled) stalled++
      if (now - since >= timeoutMs) expired.push(raw)
    }
    this.#progress = progress
    this.stalled = stalled
    return expired
  }

  #end (response: RecordedResponse): void {
    const reply = response[REPLY]!
    if (!this.#inFlight.delete(reply)) return
    const series = this.#seriesOf(reply)
    series.seconds.observe(reply.elapsedTime / 1000)
    if (!response.writableFinished) series.aborted++
    const socket: RecordedSocket = response.req.socket
    const bytes = socket.bytesWritten ?? 0
    series.bytes += bytes - (socket[BYTES] ?? 0)
    socket[BYTES] = bytes
    const steps = recordedSteps(response)
    for (const step in steps) this.steps.get(step as Step)!.observe(steps[step as Step]! / 1000)
  }

  #seriesOf ({ request, statusCode: status }: FastifyReply): ResponseSeries {
    const method = KNOWN_METHODS.includes(request.method) ? request.method : 'other'
    return this.#series(method, request.routeOptions.url ?? 'unknown', status)
  }

  #series (method: string, route: string, status: number): ResponseSeries {
    const key = `${method} ${status} ${route}`
    let series = this.responses.get(key)
    if (!series) {
      series = { method, route, status, seconds: new Histogram(REQUEST_BOUNDS), bytes: 0, aborted: 0 }
      this.responses.set(key, series)
    }
    return series
  }
}

/** Counts values in buckets, as plain numbers: many times as fast as a library that looks up labels. */
export class Histogram {
  /** Upper bounds of the buckets, ascending. */
  readonly bounds: readonly number[]
  /** Values of each bucket alone; the last one is unbounded. */
  readonly counts: number[]
  sum = 0
  count = 0

  constructor (bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = Array<number>(bounds.length + 1).fill(0)
  }

  observe (value: number): void {
    const { bounds, counts } = this
    let bucket = 0
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++
    counts[bucket]!++
    this.sum += value
    this.count++
  }
}
