import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { pythonClient, pythonLacks } from './python.js'

const folder = fileURLToPath(new URL('../../clients/python', import.meta.url))
const TIMEOUT_MS = 1_200_000

/** Test files per process, since frameworks do not get along in one, and the modules that they require. */
const suites = [
  { modules: [], files: ['--ignore-glob=tests/test_[jkt]*', 'tests'] },
  { modules: ['torch'], files: ['tests/test_torch.py'] },
  { modules: ['jax'], files: ['tests/test_jax.py'] },
  { modules: ['tensorflow'], files: ['tests/test_tensorflow.py'] },
  { modules: ['keras', 'tensorflow'], files: ['tests/test_keras.py'] }
]

/**
 * Runs the tests of the Python client, each suite against a server of its own.
 *
 * @returns {Promise<Array<{ name: string, failed?: string, skipped?: string }>>}
 */
export async function testPythonClient () {
  return suites.map(({ modules, files }) => {
    const name = `clients/python: pytest ${files.at(-1)}`
    console.log(`\n--- ${name}`)
    const skipped = pythonLacks(['numpy', 'pytest', ...modules].map(module => `import ${module}`).join('\n'))
    if (skipped) {
      console.log(`SKIPPED ${name}: ${skipped}`)
      return { name, skipped }
    }
    const { error, status, signal } = spawnSync('python3', ['-m', 'pytest', '-q', '-rs', ...files], {
      cwd: folder,
      env: { ...process.env, PYTHONPATH: pythonClient, PYTHONDONTWRITEBYTECODE: '1', TF_CPP_MIN_LOG_LEVEL: '2' },
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: TIMEOUT_MS
    })
    if (error) return { name, failed: error.message }
    return status === 0 ? { name } : { name, failed: `ended with ${signal ?? `exit code ${status}`}` }
  })
}
