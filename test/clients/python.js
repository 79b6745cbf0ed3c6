import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The folder of the Python clients, whose modules import one another. */
const folder = fileURLToPath(new URL('.', import.meta.url))

const findMissing = `
import sys
from importlib.util import find_spec
print(*[name for name in sys.argv[1:] if find_spec(name) is None])
`

/** Why a Python program cannot run here, or undefined where it can: looks at the packages that it imports unconditionally. */
export function pythonLacks (source) {
  const names = new Set(Array.from(source.matchAll(/^(?:import|from) +(\w+)/gm), match => match[1]))
  const { error, stdout } = spawnSync('python3', ['-c', findMissing, ...names], { cwd: folder, encoding: 'utf8' })
  if (error) return 'no python3'
  const missing = stdout.trim()
  return missing === '' ? undefined : `no module named ${missing.replaceAll(' ', ', ')}`
}
