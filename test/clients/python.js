import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The Python clients import modules of this folder. */
const folder = fileURLToPath(new URL('.', import.meta.url))

const findMissing = `
import sys
from importlib.util import find_spec
print(*[name for name in sys.argv[1:] if find_spec(name) is None])
`

/** Where programs find the Python client without an installation. */
export const pythonClient = fileURLToPath(new URL('../../clients/python/src', import.meta.url))

/** The reason why a Python program cannot run here, by its unconditional imports; undefined if it can. */
export function pythonLacks (source) {
  const modules = Array.from(source.matchAll(/^(?:import|from) +([\w.]+)/gm), match => match[1].split('.'))
  // The client requires NumPy, and its module for a framework requires the framework.
  const names = new Set(modules.flatMap(([name, framework]) => {
    return name === 'mnist_batches' ? [name, 'numpy', ...framework ? [framework] : []] : [name]
  }))
  const { error, stdout } = spawnSync('python3', ['-c', findMissing, ...names], {
    cwd: folder,
    env: { ...process.env, PYTHONPATH: pythonClient },
    encoding: 'utf8'
  })
  if (error) return 'no python3'
  const missing = stdout.trim()
  return missing === '' ? undefined : `no module named ${missing.replaceAll(' ', ', ')}`
}
