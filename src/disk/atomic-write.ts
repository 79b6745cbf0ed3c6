import { randomUUID } from 'node:crypto'
import { copyFile, mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { messageOf } from '../errors.ts'

/**
 * Writes a file that readers see completely or not at all, even after a power failure: the content goes to a temporary
 * name in the same folder, is flushed and renamed, and the folder is flushed as well. A failed write leaves nothing
 * behind; temporary files that a killed process left for the same path are removed first.
 *
 * Some file systems cannot flush. Then the file is written all the same, and `warn` is called with the reason.
 *
 * @param fill writes the content; its errors are passed on
 */
export async function writeFileAtomic (
  path: string,
  fill: (handle: FileHandle) => Promise<void>,
  warn: (message: string) => void = () => {}
): Promise<void> {
  const folder = dirname(path)
  await ensureFolder(folder)
  await removeTemporaryFiles(folder, basename(path))
  const temporary = `${path}.${randomUUID()}.tmp`
  const onUnflushed = (error: unknown): void => {
    warn(`${basename(path)} may be lost in a power failure: ${messageOf(error)}`)
  }
  try {
    const handle = await open(temporary, 'wx+')
    try {
      await fill(handle)
      await flush(handle, onUnflushed)
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
    await flushFolder(folder, onUnflushed)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
}

/** Opens a new file for reading and writing and unlinks it at once, so that it disappears with this process. */
export async function openUnlinkedFile (folder: string): Promise<FileHandle> {
  const path = join(folder, `.unlinked-${randomUUID()}`)
  const handle = await open(path, 'wx+', 0o600)
  try {
    await rm(path)
    return handle
  } catch (error) {
    // Some file systems cannot unlink an open file.
    await handle.close()
    await rm(path, { force: true }).catch(() => {})
    throw error
  }
}

/** Moves a file, even to another file system. */
export async function moveFile (from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
    await copyFile(from, to)
    await rm(from)
  }
}

/** Creates a folder and its missing parents. */
export async function ensureFolder (path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Recursive only if a parent is missing: on a read-only disk a recursive mkdir reports a misleading ENOENT.
    if (code === 'ENOENT') await mkdir(path, { recursive: true })
    else if (code !== 'EEXIST') throw error
  }
}

/** Best effort: a folder that can be written need not be readable. */
async function removeTemporaryFiles (folder: string, name: string): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  const stale = names.filter(other => other.startsWith(`${name}.`) && other.endsWith('.tmp'))
  await Promise.all(stale.map(other => rm(join(folder, other), { force: true }).catch(() => {})))
}

/** How file systems refuse to flush at all, as opposed to failing to. */
const UNSUPPORTED = ['EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']

async function flush (handle: FileHandle, onUnsupported: (error: unknown) => void): Promise<void> {
  try {
    await handle.sync()
  } catch (error) {
    if (!UNSUPPORTED.includes((error as NodeJS.ErrnoException).code!)) throw error
    onUnsupported(error)
  }
}

/** Flushes a folder, so that renames in it survive a power failure. Not vital, since the file itself is complete. */
async function flushFolder (path: string, onFailure: (error: unknown) => void): Promise<void> {
  let handle: FileHandle | undefined
  try {
    handle = await open(path, 'r')
    await handle.sync()
  } catch (error) {
    onFailure(error)
  } finally {
    await handle?.close().catch(() => {})
  }
}
