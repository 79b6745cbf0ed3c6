import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pythonClient, pythonLacks } from './python.js'

const folder = fileURLToPath(new URL('../../clients/python', import.meta.url))
const TIMEOUT_MS = 1_200_000

/** Test files per process, since frameworks do not get along in one, and the modules that they require. */
const suites = [
  { modules: [], files: ['--ignore-glob=tests/test_[jkt]*', 'tests'] },
  { modules: ['torch'], files: ['tests/test_torch.py'] },
  { modules: ['torch'], files: ['tests/test_training.py'], timeoutMs: 3_600_000 },
  { modules: ['jax'], files: ['tests/test_jax.py'] },
  { modules: ['tensorflow'], files: ['tests/test_tensorflow.py'] },
  { modules: ['keras', 'tensorflow'], files: ['tests/test_keras.py'] }
]

/** What pip says where it cannot reach an index, or the index has no NumPy. */
const UNAVAILABLE = /No matching distribution|ConnectionError|NewConnectionError|ProxyError/

/**
 * Installs the Python client in an empty environment, and runs its tests, each suite against a server of its own.
 *
 * @returns {Promise<Array<{ name: string, failed?: string, skipped?: string }>>}
 */
export async function testPythonClient () {
  return [testInstallation(), ...suites.map(runSuite)]
}

function testInstallation () {
  const name = 'clients/python: a wheel, installed in an empty environment'
  console.log(`\n--- ${name}`)
  const scratch = mkdtempSync(join(tmpdir(), 'python-client-'))
  const python = join(scratch, 'venv', process.platform === 'win32' ? 'Scripts/python' : 'bin/python')
  const run = (command, ...args) => {
    const { error, status, stderr } = spawnSync(command, args, { cwd: scratch, encoding: 'utf8', timeout: TIMEOUT_MS })
    return error?.message ?? (status === 0 ? undefined : stderr)
  }
  try {
    const noVenv = run('python3', '-m', 'venv', 'venv')
    if (noVenv) return { name, skipped: 'python3 has no venv' }
    const failed = run(python, '-m', 'pip', 'wheel', '-q', '--no-deps', '-w', scratch, folder) ??
      run(python, '-m', 'pip', 'install', '-q', '--find-links', scratch, 'mnist-batch-client')
    if (failed) return UNAVAILABLE.test(failed) ? { name, skipped: 'pip cannot reach its index' } : { name, failed }
    const unusable = run(python, '-c', 'import mnist_batches, mnist_batches.cli') ??
      run(python, '-m', 'mnist_batches', '--version')
    return unusable ? { name, failed: unusable } : { name }
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

function runSuite ({ modules, files, timeoutMs = TIMEOUT_MS }) {
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
    timeout: timeoutMs
  })
  if (error) return { name, failed: error.message }
  return status === 0 ? { name } : { name, failed: `ended with ${signal ?? `exit code ${status}`}` }
}
