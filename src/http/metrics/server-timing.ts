import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'

/** What takes time before the headers of a response are sent. */
export const stepNames = ['queue', 'order', 'augment', 'encode', 'compress'] as const
export type Step = (typeof stepNames)[number]

/** Shorter steps are left out. */
const MIN_MS = 0.05

/** The milliseconds that each step of one response took. */
export class StepTimes {
  readonly #steps: Partial<Record<Step, number>> = {}

  get steps (): Readonly<Partial<Record<Step, number>>> { return this.#steps }

  measure<Result> (step: Step, run: () => Result): Result {
    const start = performance.now()
    const result = run()
    if (result instanceof Promise) return result.finally(() => this.add(step, start)) as Result
    this.add(step, start)
    return result
  }

  /** @param start as `performance.now()` gave it */
  add (step: Step, start: number): void {
    this.#steps[step] = (this.#steps[step] ?? 0) + performance.now() - start
  }

  /** The entries of the header, each with a comma after it. */
  toString (): string {
    let entries = ''
    for (const step in this.#steps) {
      const ms = this.#steps[step as Step]!
      if (ms >= MIN_MS) entries += `${formatEntry(step, ms)}, `
    }
    return entries
  }
}

const TIMES = Symbol('step times')

// A property, since each entry of a WeakMap would take a microsecond.
type TimedResponse = ServerResponse & { [TIMES]?: StepTimes }

/** The times of a response, the same object for every caller. */
export function stepTimes (response: TimedResponse): StepTimes {
  response[TIMES] ??= new StepTimes()
  return response[TIMES]
}

/** The milliseconds that each step of a response took. */
export function recordedSteps (response: TimedResponse): Readonly<Partial<Record<Step, number>>> | undefined {
  return response[TIMES]?.steps
}

/** The `Server-Timing` header (w3.org/TR/server-timing): the steps so far, and the time since the request arrived. */
export function serverTiming (reply: FastifyReply): string {
  return `${(reply.raw as TimedResponse)[TIMES] ?? ''}${formatEntry('total', reply.elapsedTime)}`
}

function formatEntry (name: string, ms: number): string {
  return `${name};dur=${Math.round(ms * 100) / 100}`
}
