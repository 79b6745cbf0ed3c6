import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * Writes a file that readers see completely or not at all, even after a power failure: the content goes to a temporary
 * name in the same folder, is flushed and renamed, and the folder is flushed as well. A failed write leaves nothing
 * behind; temporary files that a killed process left for the same path are removed first.
 *
 * @param fill writes the content; its errors are passed on
 */
export async function writeFileAtomic (path: string, fill: (handle: FileHandle) => Promise<void>): Promise<void> {
  const folder = dirname(path)
  await ensureFolder(folder)
  await removeTemporaryFiles(folder, basename(path))
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    const handle = await open(temporary, 'wx+')
    try {
      await fill(handle)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
    await syncFolder(folder)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
}

/** Opens a new file for reading and writing and unlinks it at once, so that it disappears with this process. */
export async function openUnlinkedFile (folder: string): Promise<FileHandle> {
  const path = join(folder, `.unlinked-${randomUUID()}`)
  const handle = await open(path, 'wx+', 0o600)
  await rm(path)
  return handle
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

async function removeTemporaryFiles (folder: string, name: string): Promise<void> {
  const stale = (await readdir(folder)).filter(other => other.startsWith(`${name}.`) && other.endsWith('.tmp'))
  await Promise.all(stale.map(other => rm(join(folder, other), { force: true })))
}

/** Flushes a folder, so that renames in it survive a power failure. */
async function syncFolder (path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
