import type { FileWatch } from '../disk/file-watch.ts'

/** Calls `reload` on SIGHUP, and whenever the files have changed. */
export function reloadOnChange (files: FileWatch, reload: () => Promise<void>): void {
  process.on('SIGHUP', async () => {
    await files.mark()
    await reload()
  })
  files.start(reload)
}
