import { onAbort } from './abort.js'

/**
 * The results for 0 … count−1, in order, each computed up to `ahead` steps before it is needed. When the iteration
 * ends early, computations in progress are aborted.
 *
 * @throws what `compute` throws; the signal's reason
 */
export async function * prefetched<T> (
  count: number,
  ahead: number,
  compute: (index: number, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal | undefined
): AsyncGenerator<[index: number, result: T], void, undefined> {
  const controller = new AbortController()
  signal?.throwIfAborted()
  const stopListening = onAbort(signal, () => controller.abort(signal?.reason))
  const pending: Array<Promise<T>> = []
  try {
    for (let index = 0, next = 0; index < count; index++) {
      for (; next < count && next <= index + ahead; next++) {
        const result = compute(next, controller.signal)
        // It is awaited later, and until then its failure counts as handled.
        result.catch(() => {})
        pending.push(result)
      }
      yield [index, await pending.shift()!]
      signal?.throwIfAborted()
    }
  } finally {
    stopListening()
    controller.abort()
  }
}
