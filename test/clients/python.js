import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The Python clients import modules of this folder. */
const folder = fileURLToPath(new URL('.', import.meta.url))

const findMissing = `
import sys
from importlib.util import find_spec
print(*[name for name in sys.argv[1:] if find_spec(name) is None])
`

/** The reason why a Python program cannot run here, by its unconditional imports; undefined if it can. */
export function pythonLacks (source) {
  const names = new Set(Array.from(source.matchAll(/^(?:import|from) +(\w+)/gm), match => match[1]))
  const { error, stdout } = spawnSync('python3', ['-c', findMissing, ...names], { cwd: folder, encoding: 'utf8' })
  if (error) return 'no python3'
  const missing = stdout.trim()
  return missing === '' ? undefined : `no module named ${missing.replaceAll(' ', ', ')}`
}
