/**
 * Handles SIGTERM and SIGINT while the program is still being imported: nothing needs closing yet, so the process exits
 * at once. Import this module first. The first process of a container ignores signals that it has no handler for.
 */
const signals = ['SIGTERM', 'SIGINT'] as const

function stop (): void {
  process.exit(0)
}

for (const signal of signals) process.on(signal, stop)

/** Removes the handlers, for a graceful shutdown to take over. */
export function releaseSignals (): void {
  for (const signal of signals) process.off(signal, stop)
}
