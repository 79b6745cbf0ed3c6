/**
 * Runs the training examples against a server, and checks their accuracy on the test split.
 *
 *     npm run examples [-- [--quick] [name …]]
 *
 * `--quick` trains for one epoch, and checks only that the examples run. Results are in examples/results.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { pythonClient, pythonLacks } from '../test/clients/python.js'
import { startQuietService } from './lib/server.js'

const folder = fileURLToPath(new URL('../examples/', import.meta.url))
const AUGMENT = 'rotate:12,shift:2,scale:0.1'
const oneEpoch = ['--epochs', '1']

/** Name → program, its arguments, its quick arguments, and the smallest accepted mean accuracy on `test`. */
const examples = {
  'pytorch-plain': { program: 'pytorch.py', args: [], quick: [...oneEpoch, '--seeds', '1'], accuracy: 0.994 },
  pytorch: {
    program: 'pytorch.py', args: ['--augment', AUGMENT], quick: [...oneEpoch, '--seeds', '1'], accuracy: 0.996
  },
  keras: { program: 'keras_cnn.py', args: [], quick: oneEpoch, accuracy: 0.992 },
  jax: { program: 'jax_cnn.py', args: [], quick: oneEpoch, accuracy: 0.992 },
  sklearn: { program: 'sklearn_svm.py', args: [], quick: ['--samples', '1000'], accuracy: 0.96 },
  distributed: { program: 'distributed.py', args: [], quick: oneEpoch, accuracy: 0.97 }
}

const { values: { quick }, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' } }
})
const names = positionals.length > 0 ? positionals : Object.keys(examples)
const unknown = names.filter(name => !(name in examples))
if (unknown.length > 0) {
  console.error(`there is no example ${unknown.join(', ')}; there are: ${Object.keys(examples).join(', ')}`)
  process.exit(1)
}

// Results of one epoch must not replace those of whole runs.
const quickResults = quick && { RESULTS_DIR: join(tmpdir(), 'examples-quick') }
const server = await startQuietService()
let failures = 0
try {
  for (const name of names) {
    console.log(`\n=== ${name}`)
    const failure = run(examples[name])
    if (failure) console.log(`FAILED ${name}: ${failure}`)
    failures += failure ? 1 : 0
  }
} finally {
  await server.stop()
}
process.exitCode = failures === 0 ? 0 : 1

/** @returns why the example failed, if it did */
function run ({ program, args, quick: quickArgs, accuracy }) {
  const modules = readFileSync(folder + program, 'utf8').replaceAll(/^from records .*$/gm, '')
  const missing = pythonLacks(modules)
  if (missing) {
    console.log(`SKIPPED: ${missing}`)
    return undefined
  }
  const parameters = [folder + program, ...args, ...quick ? quickArgs : []]
  const variables = { MNIST_BATCHES_URL: server.base, PYTHONPATH: pythonClient, TF_CPP_MIN_LOG_LEVEL: '2' }
  const { error, status, signal, stdout } = spawnSync('python3', parameters, {
    env: { ...process.env, ...quickResults, ...variables },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: Infinity
  })
  process.stdout.write(stdout ?? '')
  if (error || status !== 0) return error?.message ?? `ended with ${signal ?? `exit code ${status}`}`
  const accuracies = Array.from(stdout.matchAll(/test accuracy ([\d.]+)%/g), match => Number(match[1]) / 100)
  const mean = accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length
  const spread = `${Math.min(...accuracies)} to ${Math.max(...accuracies)}`
  console.log(`mean test accuracy ${mean.toFixed(4)}, ${spread}, ${accuracies.length} runs`)
  return quick || mean >= accuracy ? undefined : `mean test accuracy ${mean.toFixed(4)} is below ${accuracy}`
}
