/**
 * Runs the training examples against a server, and checks their accuracy on the test split.
 *
 *     npm run drill -- examples [[--quick] [--summary] [name …]]
 *
 * `--quick` trains for one epoch, and checks only that the examples run. Results are in examples/results; `--summary`
 * runs nothing, and shows them.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { pythonClient, pythonLacks } from '../../test/clients/python.js'
import { prepareTfjs } from '../lib/tfjs.js'
import { startQuietService } from '../lib/server.js'
import { compareAugmentation, readRuns, summarize } from '../lib/training-results.js'
import { mean, standardDeviation } from '../lib/statistics.js'

const folder = fileURLToPath(new URL('../../examples/', import.meta.url))
const results = process.env.RESULTS_DIR || join(folder, 'results')
const AUGMENT = 'rotate:12,shift:2,scale:0.1'
const oneEpoch = ['--epochs', '1']
const oneSeed = [...oneEpoch, '--seeds', '1']
const fiveSeeds = ['--epochs', '12', '--seeds', '5', '--save']
// Faster, where the processor multiplies bfloat16.
const bf16 = hasBfloat16() ? ['--bf16'] : []

/** Name → program, its arguments, its quick arguments, and the smallest accepted mean accuracy on `test`. */
const examples = {
  'pytorch-plain': { program: 'pytorch.py', args: [...fiveSeeds, ...bf16], quick: oneSeed, accuracy: 0.994 },
  pytorch: {
    program: 'pytorch.py', args: [...fiveSeeds, '--augment', AUGMENT, ...bf16], quick: oneSeed, accuracy: 0.996
  },
  keras: { program: 'keras_cnn.py', args: ['--epochs', '8', '--save'], quick: oneEpoch, accuracy: 0.992 },
  jax: { program: 'jax_cnn.py', args: ['--epochs', '10', '--save'], quick: oneEpoch, accuracy: 0.992 },
  sklearn: { program: 'sklearn_svm.py', args: ['--save'], quick: ['--samples', '1000'], accuracy: 0.96 },
  distributed: { program: 'distributed.py', args: ['--epochs', '6', '--save'], quick: oneEpoch, accuracy: 0.97 },
  'tfjs-node': { program: 'tfjs/node.js', args: ['--epochs', '12', '--save'], quick: oneEpoch, accuracy: 0.98 },
  'tfjs-native': {
    program: 'tfjs/node.js', args: ['--model', 'cnn', '--epochs', '6', '--save'], quick: oneEpoch, accuracy: 0.985
  },
  'tfjs-browser': { program: 'tfjs/browser.js', args: ['--epochs', '12', '--save'], quick: oneEpoch, accuracy: 0.98 }
}

const { values: { quick, summary }, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, summary: { type: 'boolean' } }
})
if (summary) {
  showResults()
  process.exit()
}
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
if (!quick) showResults()
process.exitCode = failures === 0 ? 0 : 1

function showResults () {
  const runs = readRuns(results)
  console.table(summarize(runs))
  console.log('augmentation of PyTorch:', compareAugmentation(runs))
}

/** @returns why the example failed, if it did */
function run (example) {
  const { program, args, quick: quickArgs, accuracy } = example
  const isPython = program.endsWith('.py')
  const tfjs = { native: args.includes('cnn'), browser: program.endsWith('browser.js') }
  const missing = isPython ? lacksModules(program) : prepareTfjs(tfjs)
  if (missing) {
    console.log(`SKIPPED: ${missing}`)
    return undefined
  }
  const parameters = [folder + program, ...args, ...quick ? quickArgs : []]
  const variables = { MNIST_BATCHES_URL: server.base, PYTHONPATH: pythonClient, TF_CPP_MIN_LOG_LEVEL: '2' }
  const { error, status, signal, stdout } = spawnSync(isPython ? 'python3' : process.execPath, parameters, {
    env: { ...process.env, ...quickResults, ...variables },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: Infinity
  })
  process.stdout.write(stdout ?? '')
  if (error || status !== 0) return error?.message ?? `ended with ${signal ?? `exit code ${status}`}`
  const accuracies = Array.from(stdout.matchAll(/test accuracy ([\d.]+)%/g), match => Number(match[1]) / 100)
  const average = mean(accuracies)
  const range = `${Math.min(...accuracies)} to ${Math.max(...accuracies)}`
  const spread = accuracies.length > 1
    ? `, standard deviation ${standardDeviation(accuracies).toFixed(5)}, ${range}, ${accuracies.length} runs`
    : ''
  console.log(`mean test accuracy ${average.toFixed(4)}${spread}`)
  return quick || average >= accuracy ? undefined : `mean test accuracy ${average.toFixed(4)} is below ${accuracy}`
}

function lacksModules (program) {
  return pythonLacks(readFileSync(folder + program, 'utf8').replaceAll(/^from records .*$/gm, ''))
}

function hasBfloat16 () {
  const path = '/proc/cpuinfo'
  return existsSync(path) && /\b(avx512_bf16|amx_bf16)\b/.test(readFileSync(path, 'utf8'))
}
