import type { Stats } from 'node:fs'
import { open, stat, type FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { toVerifiedFile, type StoredFile } from '../acquire/stored-file.ts'
import { chunksOf } from '../decode/gunzip.ts'
import { openUnlinkedFile } from '../disk/atomic-write.ts'
import { sha256File } from '../disk/hash.ts'
import { ServiceError } from '../errors.ts'

/** A verified file, read in ranges: on disk, or in memory where no disk can be written. */
export interface DiskFile {
  readonly bytes: number
  /** Whether it is still the file that was verified, as far as its status shows. */
  isUnchanged (): Promise<boolean>
  /**
   * Opens a stream of the bytes from `start` through `end`.
   *
   * @throws ServiceError source_unavailable: the file has changed
   */
  read (start: number, end: number): Promise<Readable>
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
      const handle = await open(path).catch((cause: NodeJS.ErrnoException) => {
        const detail = `the file cannot be opened (${cause.code}); retry the request`
        throw new ServiceError('source_unavailable', detail, { cause })
      })
      if (isSameFile(await handle.stat(), verified)) return handle.createReadStream({ start, end })
      await handle.close()
      throw new ServiceError('source_unavailable', 'the file has changed since it was verified; retry the request')
    }
  }
}

/**
 * Stores verified bytes in an unlinked temporary file, which disappears with this process.
 *
 * @throws Error of the file system
 */
export async function storeUnlinked (folder: string, content: Uint8Array): Promise<DiskFile> {
  const handle = await openUnlinkedFile(folder)
  await fill(handle, content)
  return await diskFileOf(handle)
}

async function fill (handle: FileHandle, content: Uint8Array): Promise<void> {
  try {
    await handle.writeFile(content)
  } catch (error) {
    await handle.close().catch(() => {})
    throw error
  }
}

/** Files that are open until the process ends: from Node 26 on, it is an error if a handle is garbage collected. */
const openFiles = new Set<StoredFile>()

/** A verified file that can be stored nowhere else; it stays open until the process ends. */
export async function diskFileOf (stored: StoredFile): Promise<DiskFile> {
  openFiles.add(stored)
  const file = await toVerifiedFile('', stored)
  return {
    bytes: file.byteLength,
    isUnchanged: async () => true,
    read: async (start, end) => Readable.from(chunksOf(file, start, end + 1))
  }
}

/** Holds verified bytes in memory, the last resort. */
export function storeInMemory (content: Uint8Array): DiskFile {
  return {
    bytes: content.length,
    isUnchanged: async () => true,
    read: async (start, end) => Readable.from(slices(content.subarray(start, end + 1)))
  }
}

const SLICE_BYTES = 1 << 16

function * slices (content: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < content.length; at += SLICE_BYTES) yield content.subarray(at, at + SLICE_BYTES)
}

function isSameFile (a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs
}
