import { mkdir, open } from 'node:fs/promises'

/** Makes a folder, and those above it, where they are missing. */
export async function ensureFolder (path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Only where a folder above is missing, since the recursive one calls a disk that cannot be written ENOENT.
    if (code === 'ENOENT') await mkdir(path, { recursive: true })
    else if (code !== 'EEXIST') throw error
  }
}

/** Makes sure that names which were made, changed or removed in a folder stay so, even after a loss of power. */
export async function syncFolder (path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
