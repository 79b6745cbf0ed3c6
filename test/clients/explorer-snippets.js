import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { pythonLacks } from './python.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const TIMEOUT_MS = 120_000

/** Views of the Explorer, and what the code for each must print: the shape of the images. */
const views = [
  { split: 'train', query: {}, shape: [128, 784] },
  { split: 'val', query: { batch_size: 8, seed: 3, normalization: 'raw', layout: 'nhwc' }, shape: [8, 28, 28, 1] },
  { split: 'test', query: { batch_size: 5, dtype: 'float16', labels: 'index', layout: 'nchw' }, shape: [5, 1, 28, 28] },
  { split: 'train', query: { batch_size: 4, augment: 'rotate:15,elastic:34', pad: 32 }, shape: [4, 1024] },
  { split: 'val', query: { page: 1, batch_size: 7, rank: 1, world_size: 2, remainder: 'pad' }, shape: [7, 784] }
]

/** TensorFlow.js has no such type in Node.js versions without Float16Array. */
const canRun = ({ query }, language) => {
  return !(language === 'TensorFlow.js' && query.dtype === 'float16' && globalThis.Float16Array === undefined)
}

/**
 * Runs the code that the Explorer shows, in every language, against a server.
 *
 * @param {string} base address of the server
 * @returns {Promise<Array<{ name: string, failed?: string, skipped?: string }>>}
 */
export async function runExplorerSnippets (base) {
  const scratch = await mkdtemp(join(tmpdir(), 'explorer-snippets-'))
  try {
    const source = await readFile(join(root, 'explorer/src/snippets.ts'), 'utf8')
    const { outputText } = ts.transpileModule(source, { compilerOptions: { target: 'es2022', module: 'es2022' } })
    await writeFile(join(scratch, 'snippets.mjs'), outputText)
    const { languages, snippet } = await import(join(scratch, 'snippets.mjs'))
    return languages.flatMap(language => views.map((view, i) => {
      const name = `Explorer's code for ${language}, view ${i + 1}`
      if (!canRun(view, language)) return { name, skipped: 'no Float16Array' }
      const { split, query, shape } = view
      const code = snippet(language, { base: `${base}/`, dataset: 'mnist', split, query }, 'npz')
      return { name, ...run(language, code, shape, scratch) }
    }))
  } finally {
    await rm(scratch, { recursive: true })
  }
}

function run (language, code, shape, scratch) {
  if (language === 'curl') return failureOf(spawn('bash', ['-e'], code.replace('curl ', 'curl --fail '), scratch))
  if (language === 'TensorFlow.js') {
    // The whole package is not installed, but its core and a backend are.
    const core = code.replace("'@tensorflow/tfjs'", "'@tensorflow/tfjs-core'")
    const program = `import '@tensorflow/tfjs-backend-cpu'\n${core}`
    return failureOf(spawn(process.execPath, ['--input-type=module'], program, root), shape)
  }
  const skipped = pythonLacks(code)
  return skipped ? { skipped } : failureOf(spawn('python3', ['-'], code, scratch), shape)
}

function spawn (command, parameters, input, cwd) {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', TF_ENABLE_ONEDNN_OPTS: '0' }
  return spawnSync(command, parameters, { input, cwd, env, encoding: 'utf8', timeout: TIMEOUT_MS })
}

function failureOf ({ error, status, signal, stdout, stderr }, shape) {
  if (error) return error.code === 'ENOENT' ? { skipped: error.message } : { failed: error.message }
  const reason = stderr.trim().split('\n').at(-1)
  if (status !== 0) return { failed: `ended with ${signal ?? `exit code ${status}`}: ${reason}` }
  // TensorFlow describes one sample.
  const wanted = shape && [shape, shape.slice(1)].map(sizes => sizes.join(', '))
  const printed = stdout.replaceAll(/\s+/g, ' ')
  if (!wanted || wanted.some(sizes => printed.includes(sizes))) return {}
  return { failed: `printed ${printed}, not ${wanted[0]}` }
}
