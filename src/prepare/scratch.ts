import { randomUUID } from 'node:crypto'
import { open, rm, statfs, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureFolder } from '../io/atomic-write.ts'
import { ServiceError, messageOf } from '../errors.ts'

/** Largest single read or write: bounds how long one of them holds a thread. */
const STEP_BYTES = 8 << 20

/**
 * Opens a nameless file for `bytes` bytes, in the first folder that has room. It is unlinked at once: however this
 * process or one that it passes the descriptor to ends, nothing of it stays.
 *
 * @throws ServiceError preparation_failed: no folder can take it, with each folder's reason
 */
export async function openScratch (folders: readonly string[], bytes: number): Promise<FileHandle> {
  const reasons: string[] = []
  for (const folder of folders) {
    try {
      await ensureFolder(folder)
      const { bavail, bsize } = await statfs(folder)
      if (bavail * bsize < bytes) throw new Error(`${bavail * bsize} bytes free, ${bytes} needed`)
      const path = join(folder, `.scratch-${randomUUID()}`)
      const handle = await open(path, 'wx+', 0o600)
      await rm(path)
      return handle
    } catch (cause) {
      reasons.push(`${folder}: ${messageOf(cause)}`)
    }
  }
  throw new ServiceError('preparation_failed', `no folder has room to prepare in: ${reasons.join('; ')}`)
}

/** Writes all of `bytes` at `position`; gives the position after them. */
export async function writeAt (handle: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, at, Math.min(STEP_BYTES, bytes.length - at), position + at)
    at += bytesWritten
  }
  return position + bytes.length
}

/** Fills `target` with what stands at `position`. */
export async function readAt (handle: FileHandle, target: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < target.length;) {
    const { bytesRead } = await handle.read(target, at, Math.min(STEP_BYTES, target.length - at), position + at)
    if (bytesRead === 0) throw new ServiceError('preparation_failed', `results end after ${position + at} bytes, ${target.length - at} are missing`)
    at += bytesRead
  }
}
