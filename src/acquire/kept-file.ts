import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, type ReadStream, type Stats } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ServiceError, messageOf } from '../errors.ts'

/** A file that was found to be right, and can be read in parts. */
export interface KeptFile {
  readonly bytes: number
  /** Whether it is still the file that was verified, as far as the file system tells. */
  unchanged (): Promise<boolean>
  /** From `start` up to and including `end`. */
  read (start: number, end: number): Promise<ReadStream>
}

/**
 * Verifies a file by its hash, without holding it in memory.
 *
 * @returns undefined where there is none
 * @throws ServiceError invalid_file
 */
export async function keptFile (path: string, sha256: string): Promise<KeptFile | undefined> {
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  if (!handle) return undefined
  let verified: Stats
  try {
    verified = await handle.stat()
    const hash = createHash('sha256')
    for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) hash.update(chunk)
    const found = hash.digest('hex')
    if (found !== sha256) throw new ServiceError('invalid_file', `has SHA-256 ${found}, expected ${sha256}`)
  } finally {
    await handle.close()
  }
  const same = (now: Stats): boolean => stamp(now) === stamp(verified)
  return {
    bytes: verified.size,
    unchanged: () => stat(path).then(same, () => false),
    async read (start, end) {
      const handle = await open(path)
      if (same(await handle.stat())) return handle.createReadStream({ start, end })
      await handle.close()
      throw new ServiceError('source_unavailable', 'the file has changed since it was verified; ask again')
    }
  }
}

function stamp ({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return [ino, size, mtimeMs, ctimeMs].join(' ')
}

/**
 * Keeps bytes in a file without a name, for as long as the process lives.
 *
 * @throws ServiceError cache_unwritable
 */
export async function namelessFile (folder: string, name: string, content: Uint8Array): Promise<KeptFile> {
  try {
    const path = join(folder, `.original-${randomUUID()}`)
    const handle = await open(path, 'wx+', 0o600)
    await rm(path)
    await handle.writeFile(content)
    return {
      bytes: content.length,
      unchanged: async () => true,
      // By number: a handle would remember each of its streams.
      read: async (start, end) => createReadStream('', { fd: handle.fd, autoClose: false, start, end })
    }
  } catch (cause) {
    throw new ServiceError('cache_unwritable', `${name} can be kept neither in the cache nor below ${folder}: ${messageOf(cause)}`, { cause })
  }
}
