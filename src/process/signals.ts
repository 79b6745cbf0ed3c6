import type { FileWatch } from '../disk/file-watch.ts'

/**
 * Handles SIGTERM and SIGINT while the program is still being imported: nothing needs closing yet, so the process exits
 * at once. Import this module first. The first process of a container ignores signals that it has no handler for.
 *
 * SIGHUP and SIGUSR1 are ignored here: a terminal that closes must not stop the server, and Node would open a debugger
 * on SIGUSR1. The server adds its own handler of SIGHUP, which reloads keys and certificates.
 */
const signals = ['SIGTERM', 'SIGINT'] as const
const ignored = ['SIGHUP', 'SIGUSR1'] as const

function stop (): void {
  process.exit(0)
}

for (const signal of signals) process.on(signal, stop)
for (const signal of ignored) process.on(signal, () => {})

/** Removes the handlers, for a graceful shutdown to take over. */
export function releaseSignals (): void {
  for (const signal of signals) process.off(signal, stop)
}

/** Calls `reload` on SIGHUP, and whenever the files have changed. */
export function reloadOnChange (files: FileWatch, reload: () => Promise<void>): void {
  process.on('SIGHUP', async () => {
    await files.mark()
    await reload()
  })
  files.start(reload)
}
