import { stat } from 'node:fs/promises'

/** Milliseconds between two looks at the files. */
const INTERVAL_MS = 1000

/**
 * Notices that files have changed. It polls, since Kubernetes replaces a mounted Secret by renaming a symbolic link,
 * which is no event of the files themselves, and network file systems report no events at all.
 */
export class FileWatch {
  readonly #paths: readonly string[]
  /** The state of the files when they were last read. */
  #read = ''

  private constructor (paths: readonly string[]) {
    this.#paths = paths
  }

  /** Call before the files are read, so that no later change is missed. */
  static async of (paths: readonly string[]): Promise<FileWatch> {
    const watch = new FileWatch(paths)
    await watch.mark()
    return watch
  }

  /** Call before the files are read again. */
  async mark (): Promise<void> {
    this.#read = await this.#describe()
  }

  /**
   * Calls `onChange` once the files differ from those last read and have stayed the same for an interval, so that
   * none of them is half-written. Does not keep the process alive.
   *
   * @returns a function that stops watching
   */
  start (onChange: () => void, intervalMs = INTERVAL_MS): () => void {
    let last = this.#read
    let isLooking = false
    const look = async (): Promise<void> => {
      // A network file system may take longer than the interval.
      if (isLooking) return
      isLooking = true
      const state = await this.#describe()
      isLooking = false
      const isSettled = state === last
      last = state
      if (!isSettled || state === this.#read) return
      this.#read = state
      onChange()
    }
    const timer = setInterval(look, intervalMs).unref()
    return () => clearInterval(timer)
  }

  /** Follows symbolic links, so that a link to another file is a change. */
  async #describe (): Promise<string> {
    const states = this.#paths.map(async path => {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
      return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
    })
    const settled = await Promise.allSettled(states)
    return settled.map(state => state.status === 'fulfilled' ? state.value : 'missing').join('; ')
  }
}
