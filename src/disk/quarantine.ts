import { readdir, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ensureFolder, moveFile } from './atomic-write.ts'

/** Bounds of the folder, which serves only for inspection; the newest file stays even if it alone is larger. */
const MAX_FILES = 16
const MAX_BYTES = 1 << 30

/** Moves a damaged file to the folder `corrupt` of the data folder, and removes the oldest ones beyond its bounds. */
export async function quarantine (dataFolder: string, path: string): Promise<void> {
  const folder = join(dataFolder, 'corrupt')
  await ensureFolder(folder)
  const name = basename(path)
  await moveFile(path, join(folder, name))
  // Best effort: another process may remove files of the same folder.
  await prune(folder, name).catch(() => {})
}

async function prune (folder: string, newest: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true })
  const files = await Promise.all(entries.filter(entry => entry.isFile()).map(async ({ name }) => {
    // Moving a file changes its ctime only.
    const { ctimeMs, size } = await stat(join(folder, name))
    return { name, size, moved: name === newest ? Infinity : ctimeMs }
  }))
  files.sort((a, b) => b.moved - a.moved)
  let bytes = 0
  for (const [i, { name, size }] of files.entries()) {
    bytes += size
    if (i > 0 && (i >= MAX_FILES || bytes > MAX_BYTES)) await rm(join(folder, name), { force: true })
  }
}
