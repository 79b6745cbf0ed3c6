import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileEntry } from '../dataset.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { Source } from './source.ts'

/** A folder of verified, uncompressed files, each under the SHA-256 of its content. */
export class FileCache implements Source {
  readonly name = 'cache'
  readonly remote = false
  readonly #folder: string

  constructor (dataFolder: string) {
    this.#folder = join(dataFolder, 'files')
  }

  async read (file: FileEntry): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.#path(file))
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw new ServiceError('source_unavailable', messageOf(cause), { cause })
    }
  }

  /**
   * Keeps a verified file. A reader sees all of it or nothing, even after a loss of power: it is written under a
   * temporary name, flushed, renamed, and the folder is flushed too.
   *
   * @throws ServiceError cache_unwritable; nothing is left behind
   */
  async write (file: FileEntry, content: Uint8Array): Promise<void> {
    const temporary = `${this.#path(file)}.${randomUUID()}.tmp`
    try {
      await mkdir(this.#folder, { recursive: true })
      const handle = await open(temporary, 'wx')
      try {
        await handle.writeFile(content)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(temporary, this.#path(file))
      await syncFolder(this.#folder)
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => {})
      throw new ServiceError('cache_unwritable', `${file.name} cannot be cached: ${messageOf(cause)}`, { cause })
    }
  }

  /** Forgets an entry that was found to be corrupt. */
  async evict (file: FileEntry): Promise<void> {
    await rm(this.#path(file), { force: true })
  }

  #path (file: FileEntry): string {
    return join(this.#folder, file.sha256)
  }
}

async function syncFolder (folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
