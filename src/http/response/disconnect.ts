import type { ServerResponse } from 'node:http'

/** The reason of a signal whose client has closed its connection. */
export class DisconnectedError extends Error {
  constructor () {
    super('the client disconnected')
    this.name = 'DisconnectedError'
  }
}

const signals = new WeakMap<ServerResponse, AbortSignal>()

/** Aborts when the client disconnects before it has all of a response. The same signal for every caller. */
export function disconnectSignal (response: ServerResponse): AbortSignal {
  let signal = signals.get(response)
  if (!signal) {
    const controller = new AbortController()
    const abort = (): void => controller.abort(new DisconnectedError())
    signal = controller.signal
    if (response.destroyed) abort()
    else response.once('close', () => { if (!response.writableFinished) abort() })
    signals.set(response, signal)
  }
  return signal
}
