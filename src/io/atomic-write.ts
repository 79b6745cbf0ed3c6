import { randomUUID } from 'node:crypto'
import { open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ensureFolder, syncFolder } from './folder.ts'

/**
 * Makes a file that others see whole or not at all, even after a loss of power: it is written under a temporary name in
 * the same folder, flushed, and renamed, and the folder is flushed too. Where that fails nothing is left behind; what a
 * process that was killed left behind of the same file is removed first.
 *
 * @param fill writes the content; what it throws is thrown on
 */
export async function writeWhole (path: string, fill: (handle: FileHandle) => Promise<void>): Promise<void> {
  const folder = dirname(path)
  await ensureFolder(folder)
  await sweep(folder, basename(path))
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

async function sweep (folder: string, name: string): Promise<void> {
  const left = (await readdir(folder)).filter(other => other.startsWith(`${name}.`) && other.endsWith('.tmp'))
  await Promise.all(left.map(other => rm(join(folder, other), { force: true })))
}
