import { readFile, rename, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileEntry } from '../dataset/entry.ts'
import { ensureFolder } from '../io/folder.ts'
import { exclusively, type LockOptions } from '../io/lock.ts'
import { isStamped, stampFile } from '../io/stamp.ts'
import { writeWhole } from '../io/atomic-write.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { Source } from './source.ts'

/**
 * A folder of verified files, each under the SHA-256 of its bytes: the publisher's own gzip where that is what came, the
 * uncompressed content elsewhere, and whole archives.
 *
 *     files/<sha256>      what was verified
 *     corrupt/<sha256>    what was found to be something else, for whoever wants to know why
 *     locks/<sha256>      empty; locked by whoever brings the file
 *     stamps/<sha256>     what a large file looked like when it was verified
 */
export class FileCache implements Source {
  readonly name = 'cache'
  readonly remote = false
  readonly #folder: string

  constructor (dataFolder: string) {
    this.#folder = dataFolder
  }

  async read (file: FileEntry): Promise<Uint8Array | undefined> {
    for (const sha256 of hashesOf(file)) {
      try {
        return await readFile(this.path(sha256))
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw new ServiceError('source_unavailable', messageOf(cause), { cause })
      }
    }
    return undefined
  }

  /** Where something is kept, if it is. */
  path (sha256: string): string {
    return join(this.#folder, 'files', sha256)
  }

  /**
   * Keeps verified bytes. A reader sees all of them or nothing.
   *
   * @param name as errors call it
   * @param content the bytes, or what writes and verifies them
   * @throws ServiceError cache_unwritable; nothing is left behind
   */
  async write (sha256: string, name: string, content: Uint8Array | ((handle: FileHandle) => Promise<void>)): Promise<void> {
    try {
      await writeWhole(this.path(sha256), typeof content === 'function' ? content : handle => handle.writeFile(content))
    } catch (cause) {
      if (cause instanceof ServiceError) throw cause
      throw new ServiceError('cache_unwritable', `${name} cannot be cached: ${messageOf(cause)}`, { cause })
    }
  }

  /** Puts what was found to be corrupt where it is not read again. */
  async setAside (file: FileEntry): Promise<void> {
    for (const sha256 of hashesOf(file)) {
      try {
        await ensureFolder(join(this.#folder, 'corrupt'))
        await rename(this.path(sha256), join(this.#folder, 'corrupt', sha256))
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw new ServiceError('cache_unwritable', `${file.name} cannot be set aside: ${messageOf(cause)}`, { cause })
      }
    }
  }

  /** Whether a file was verified to have these bytes, and has not been touched since. */
  async isStamped (sha256: string, path: string): Promise<boolean> {
    return await isStamped(join(this.#folder, 'stamps', sha256), path)
  }

  async stamp (sha256: string, path: string): Promise<void> {
    await stampFile(join(this.#folder, 'stamps', sha256), path)
  }

  /** Does what brings a file while nobody else brings it, in this process or another that has the same folder. */
  async exclusively<T> (sha256: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
    return await exclusively(join(this.#folder, 'locks', sha256), options, work)
  }
}

/** The names under which a file may be kept, the better one first. */
function hashesOf ({ sha256, gzip }: FileEntry): string[] {
  return [gzip?.sha256, sha256].filter(hash => hash !== undefined)
}
