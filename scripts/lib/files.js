/** Temporary folders, and files of keys. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders = []
process.once('exit', () => folders.forEach(folder => rmSync(folder, { recursive: true, force: true })))

/** An empty folder that is removed when the process ends. */
export function temporaryFolder (name) {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`))
  folders.push(folder)
  return folder
}

/**
 * Writes a file for API_KEYS_FILE.
 *
 * @param keys name → key
 * @returns its path
 */
export function writeKeys (keys) {
  const path = join(temporaryFolder('keys'), 'keys')
  const lines = Object.entries(keys).map(([name, key]) => `${name}:${createHash('sha256').update(key).digest('hex')}\n`)
  writeFileSync(path, lines.join(''))
  return path
}
