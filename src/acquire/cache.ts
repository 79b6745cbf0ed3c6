import { readFile, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileEntry } from '../dataset/entry.ts'
import { writeFileAtomic } from '../disk/atomic-write.ts'
import { withLock, type LockOptions } from '../disk/lock.ts'
import { quarantine } from '../disk/quarantine.ts'
import { ServiceError, messageOf } from '../errors.ts'

/**
 * A folder of verified files, each named by the SHA-256 of its bytes: the publisher's gzip if one was acquired, the
 * uncompressed content otherwise, and whole archives.
 *
 *     files/<sha256>      verified content
 *     corrupt/<sha256>    the latest contents that failed verification, for inspection
 *     locks/<sha256>      empty; locked while a process acquires the file
 *     stamps/<sha256>     file status of an archive when it was last verified
 */
export class FileCache {
  readonly name = 'cache'
  readonly remote = false
  readonly folder: string
  readonly #warn: (message: string) => void

  /** @param warn called for what restricts a write, but does not prevent it */
  constructor (dataFolder: string, warn: (message: string) => void = () => {}) {
    this.folder = dataFolder
    this.#warn = warn
  }

  async read (file: FileEntry): Promise<Uint8Array | undefined> {
    for (const sha256 of cacheKeys(file)) {
      try {
        return await readFile(this.path(sha256))
      } catch (cause) {
        if (!isMissing(cause)) throw new ServiceError('source_unavailable', messageOf(cause), { cause })
      }
    }
    return undefined
  }

  /** Path of the cached file with this hash, whether it exists or not. */
  path (sha256: string): string {
    return join(this.folder, 'files', sha256)
  }

  /**
   * Caches verified bytes atomically.
   *
   * @param name file name for error messages
   * @param content the bytes, or a function that writes and verifies them
   * @throws ServiceError cache_unwritable, leaving nothing behind
   */
  async write (
    sha256: string,
    name: string,
    content: Uint8Array | ((handle: FileHandle) => Promise<void>)
  ): Promise<void> {
    const fill = typeof content === 'function' ? content : (handle: FileHandle) => handle.writeFile(content)
    try {
      await writeFileAtomic(this.path(sha256), fill, this.#warn)
    } catch (cause) {
      if (cause instanceof ServiceError && cause.code !== 'cache_unwritable') throw cause
      throw new ServiceError('cache_unwritable', `${name} cannot be cached: ${messageOf(cause)}`, { cause })
    }
  }

  /**
   * Moves a corrupt file out of the way, so that it is not read again.
   *
   * @throws ServiceError cache_unwritable
   */
  async quarantine (file: Pick<FileEntry, 'name' | 'sha256' | 'gzip'>): Promise<void> {
    for (const sha256 of cacheKeys(file)) {
      try {
        await quarantine(this.folder, this.path(sha256))
      } catch (cause) {
        if (isMissing(cause)) continue
        throw new ServiceError('cache_unwritable', `${file.name} cannot be quarantined: ${messageOf(cause)}`, { cause })
      }
    }
  }

  /** Whether the file at `path` was verified to have this hash and has not been modified since. */
  async isUnchanged (sha256: string, path: string): Promise<boolean> {
    const stamp = await readFile(this.#stampPath(sha256), 'utf8').catch(() => undefined)
    return stamp !== undefined && stamp === await describeStatus(path).catch(() => undefined)
  }

  /** Records that the file at `path` was verified to have this hash. */
  async markVerified (sha256: string, path: string): Promise<void> {
    const stamp = await describeStatus(path)
    await writeFileAtomic(this.#stampPath(sha256), handle => handle.writeFile(stamp))
  }

  /** Runs `work` while no other caller, in any process that shares the folder, works on the same key. */
  async withLock<T> (key: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
    return await withLock(join(this.folder, 'locks', key), options, work)
  }

  #stampPath (sha256: string): string {
    return join(this.folder, 'stamps', sha256)
  }
}

/** Hashes under which a file may be cached, the publisher's gzip first. */
function cacheKeys ({ sha256, gzip }: Pick<FileEntry, 'sha256' | 'gzip'>): string[] {
  return [gzip?.sha256, sha256].filter(hash => hash !== undefined)
}

/** File status that every write changes: ctime cannot be set back, unlike mtime. */
async function describeStatus (path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
  const status = { path, dev, ino, size, mtimeNs, ctimeNs }
  return JSON.stringify(status, (_, value) => typeof value === 'bigint' ? String(value) : value)
}

function isMissing (error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
