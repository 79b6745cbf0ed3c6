const callbacks = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls back once the signal is aborted. All callbacks share one listener, since Node.js warns of more than ten.
 *
 * @returns cancels this
 */
export function onAbort (signal: AbortSignal | undefined, callback: () => void): () => void {
  if (!signal) return () => {}
  let registered = callbacks.get(signal)
  if (!registered) {
    const all = registered = new Set()
    callbacks.set(signal, all)
    signal.addEventListener('abort', () => { for (const each of [...all]) each() }, { once: true })
  }
  registered.add(callback)
  return () => { registered.delete(callback) }
}
