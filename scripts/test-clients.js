/** Runs the clients in test/clients, each in its own language and with its own libraries, against the built server. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startColourServer } from '../test/clients/colour-server.js'
import { pythonClient, pythonLacks } from '../test/clients/python.js'
import { runExplorerSnippets } from '../test/clients/explorer-snippets.js'
import { testPythonClient } from '../test/clients/python-package.js'
import { runSnippets } from '../test/clients/snippets.js'
import { testTypeScriptClient } from '../test/clients/typescript-package.js'
import { check, skip } from './lib/checks.js'
import { idxFolder } from './lib/mnist.js'
import { startService } from './lib/server.js'

const clients = fileURLToPath(new URL('../test/clients', import.meta.url))
/** Far longer than any client takes: a client that hangs is killed. */
const TIMEOUT_MS = 600_000

/** Suppresses messages about the optimizations of TensorFlow. */
const quietTensorFlow = { TF_CPP_MIN_LOG_LEVEL: '2', TF_ENABLE_ONEDNN_OPTS: '0' }

const fewerCombinations = ['--formats', 'safetensors', '--normalizations', 'raw', 'centered', 'standard']

/** Settings of a server, and the clients that run against it. */
const servers = [
  {
    settings: {},
    run: async base => [
      await runPython('bits.py', base),
      await runPython('augment.py', base),
      await runPython('shards.py', base),
      await runPython('torch_client.py', base),
      await runPython('torchvision_client.py', base),
      await runPython('tensorflow_client.py', base),
      await runPython('jax_client.py', base),
      await runPython('arrow_client.py', base),
      await runPython('ndjson_client.py', base),
      await runPython('croissant_client.py', base),
      await runPython('tutorial.py', base, fileURLToPath(new URL('../docs/tutorial.md', import.meta.url))),
      await runNode('tfjs_client.js', base),
      ...await runSnippets(base),
      ...await runExplorerSnippets(base)
    ]
  },
  {
    settings: { SPLIT: 'stratified', VAL_FRACTION: '0.1', SPLIT_SEED: '7', DENOISE: 'median3', MEAN_OVER: 'train+val' },
    run: async base => {
      const split = ['--split', 'stratified', '--val-fraction', '0.1', '--seed', '7']
      const preparation = ['--denoise', 'median3', '--mean-over', 'train+val']
      return [await runPython('bits.py', base, ...split, ...preparation, ...fewerCombinations)]
    }
  },
  {
    settings: { SPLIT: 'shuffled', DENOISE: 'gaussian' },
    run: async base => [
      await runPython('bits.py', base, '--split', 'shuffled', '--denoise', 'gaussian', ...fewerCombinations)
    ]
  }
]

/** Images of three channels, and how they are denoised. */
const colours = [
  { shape: { rows: 32, columns: 32 }, denoise: 'none' },
  { shape: { rows: 7, columns: 5 }, denoise: 'median3' },
  { shape: { rows: 7, columns: 5 }, denoise: 'gaussian' }
]

const results = [...await testPythonClient(), ...await testTypeScriptClient()]
for (const { settings, run } of servers) results.push(...await withServer(settings, run))
for (const { shape, denoise } of colours) {
  const { base, folder, stop } = await startColourServer(shape, { DENOISE: denoise })
  results.push(await runPythonOn(folder, 'colour.py', base, '--denoise', denoise))
  results.push(await runNode('colour_client.js', base))
  await stop()
}

console.log()
for (const { name, failed, skipped } of results) {
  if (skipped && !failed) skip(name, skipped)
  else check(name, !failed, failed)
}

/** Results of the clients, and one for the server itself, which must start and stop cleanly. */
async function withServer (settings, run) {
  const assignments = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  const name = `server with ${assignments.join(' ') || 'default settings'}`
  console.log(`\n=== ${name}`)
  const server = await startService({ settings }).catch(({ message }) => ({ failed: message }))
  if (server.failed) return [{ name, failed: server.failed }]
  const results = await run(server.base).catch(({ message }) => [{ name: `clients of the ${name}`, failed: message }])
  return [...results, { name, ...failure(await server.stop(), ' on SIGTERM') }]
}

async function runPython (script, base, ...options) {
  return await runPythonOn(idxFolder, script, base, ...options)
}

/** @param folder of the original files */
async function runPythonOn (folder, script, base, ...options) {
  const skipped = pythonLacks(await readFile(join(clients, script), 'utf8'))
  const name = [script, ...options].join(' ')
  console.log(`\n--- ${name}`)
  if (skipped) {
    console.log(`SKIPPED ${script}: ${skipped}`)
    return { name, skipped }
  }
  return { name, ...await runClient('python3', script, base, folder, ...options) }
}

async function runNode (script, base) {
  console.log(`\n--- ${script}`)
  return { name: script, ...await runClient(process.execPath, script, base) }
}

async function runClient (command, script, ...parameters) {
  const client = spawn(command, [join(clients, script), ...parameters], {
    env: { ...process.env, PYTHONPATH: pythonClient, PYTHONDONTWRITEBYTECODE: '1', ...quietTensorFlow },
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: TIMEOUT_MS
  })
  const [code, signal] = await once(client, 'exit')
  return failure({ code, signal })
}

function failure ({ code, signal }, when = '') {
  return code === 0 ? {} : { failed: `ended with ${signal ?? `exit code ${code}`}${when}` }
}
