import { createReadStream, type ReadStream, type Stats } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { ServiceError, messageOf } from '../errors.ts'
import { openUnlinkedFile } from '../io/atomic-write.ts'
import { sha256File } from '../io/hash.ts'

/** A verified file on disk, read in ranges instead of being held in memory. */
export interface DiskFile {
  readonly bytes: number
  /** Whether it is still the file that was verified, as far as its status shows. */
  isUnchanged (): Promise<boolean>
  /**
   * Opens a stream of the bytes from `start` through `end`.
   *
   * @throws ServiceError source_unavailable: the file has changed
   */
  read (start: number, end: number): Promise<ReadStream>
}

/**
 * Opens a file and verifies its hash.
 *
 * @returns undefined if there is no file
 * @throws ServiceError invalid_file: another hash
 */
export async function openDiskFile (path: string, sha256: string): Promise<DiskFile | undefined> {
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  if (!handle) return undefined
  let verified: Stats
  try {
    verified = await handle.stat()
    const found = await sha256File(handle)
    if (found !== sha256) throw new ServiceError('invalid_file', `has SHA-256 ${found}, expected ${sha256}`)
  } finally {
    await handle.close()
  }
  return {
    bytes: verified.size,
    isUnchanged: () => stat(path).then(stats => isSameFile(stats, verified), () => false),
    async read (start, end) {
      const handle = await open(path)
      if (isSameFile(await handle.stat(), verified)) return handle.createReadStream({ start, end })
      await handle.close()
      throw new ServiceError('source_unavailable', 'the file has changed since it was verified; retry the request')
    }
  }
}

/**
 * Stores verified bytes in an unlinked temporary file, which disappears with this process.
 *
 * @throws ServiceError cache_unwritable
 */
export async function storeUnlinked (folder: string, name: string, content: Uint8Array): Promise<DiskFile> {
  try {
    const handle = await openUnlinkedFile(folder)
    await handle.writeFile(content)
    return {
      bytes: content.length,
      isUnchanged: async () => true,
      // By descriptor: the handle would keep a reference to each of its streams.
      read: async (start, end) => createReadStream('', { fd: handle.fd, autoClose: false, start, end })
    }
  } catch (cause) {
    const places = `neither in the cache nor in ${folder}`
    throw new ServiceError('cache_unwritable', `${name} can be stored ${places}: ${messageOf(cause)}`, { cause })
  }
}

function isSameFile (a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs
}
