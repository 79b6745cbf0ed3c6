import { readFile, stat } from 'node:fs/promises'
import { writeWhole } from './atomic-write.ts'

/**
 * Whether a file is, as far as the file system can tell, the one that was stamped: any write to it since would have changed
 * its time of change, which nobody can set.
 *
 * @param stamp path of the stamp
 */
export async function isStamped (stamp: string, path: string): Promise<boolean> {
  const [stamped, found] = await Promise.all([readFile(stamp, 'utf8').catch(() => undefined), traitsOf(path)])
  return stamped === found
}

/** Remembers of a file, whose content was verified just now, what it looks like. */
export async function stampFile (stamp: string, path: string): Promise<void> {
  const traits = await traitsOf(path)
  await writeWhole(stamp, handle => handle.writeFile(traits))
}

async function traitsOf (path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
  return JSON.stringify({ path, dev: `${dev}`, ino: `${ino}`, size: `${size}`, mtimeNs: `${mtimeNs}`, ctimeNs: `${ctimeNs}` })
}
