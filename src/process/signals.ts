/**
 * Imported first: while the rest is still being loaded there is nothing to finish, so a signal ends the process at once.
 * Without a handler, the first process of a container would not even notice it.
 */
const signals = ['SIGTERM', 'SIGINT'] as const

function stop (): void {
  process.exit(0)
}

for (const signal of signals) process.on(signal, stop)

/** Leaves the signals to whoever closes with grace. */
export function handOverSignals (): void {
  for (const signal of signals) process.off(signal, stop)
}
