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
  // Each has a signal of its own, since Node.js warns of more than ten listeners on one.
  const pending: Array<{ result: Promise<T>, controller: AbortController }> = []
  const abort = (): void => {
    for (const { controller } of pending) controller.abort(signal?.reason)
  }
  signal?.throwIfAborted()
  signal?.addEventListener('abort', abort, { once: true })
  try {
    for (let index = 0, next = 0; index < count; index++) {
      for (; next < count && next <= index + ahead; next++) {
        const controller = new AbortController()
        const result = compute(next, controller.signal)
        // It is awaited later, and until then its failure counts as handled.
        result.catch(() => {})
        pending.push({ result, controller })
      }
      const result = await pending[0]!.result
      pending.shift()
      yield [index, result]
      signal?.throwIfAborted()
    }
  } finally {
    signal?.removeEventListener('abort', abort)
    abort()
  }
}
