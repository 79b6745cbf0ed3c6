/**
 * Installs and starts fresh clones, with and without development dependencies. Requires git and the npm registry.
 *
 *     npm run drill -- install
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, run, skipAll } from '../lib/checks.js'
import { temporaryFolder } from '../lib/files.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const execute = promisify(execFile)
const folder = temporaryFolder('install')
const clone = join(folder, 'clone')
/** How long the service may take to start, respond and stop. */
const START_MS = 120_000
const unbuilt = /^mnist-batch-server is not built, .*: run npm ci --include=dev$/m

/** Each continues in the clone that the one before leaves. */
const checks = [
  ['npm ci && npm start', async () => {
    await npm(['ci'])
    return await starts()
  }],
  ['npm prune --omit=dev && npm start', async () => {
    await npm(['prune', '--omit=dev'])
    return await starts()
  }],
  ['npm ci --omit=dev, built before', async () => {
    await npm(['ci', '--omit=dev'])
    return await starts()
  }],
  ['npm ci --omit=dev in a fresh clone', () => endsWithOneLine(['ci', '--omit=dev'])],
  ['NODE_ENV=production npm ci in a fresh clone', () => endsWithOneLine(['ci'], { NODE_ENV: 'production' })],
  ['NODE_ENV=production npm ci --include=dev && npm start', async () => {
    await npm(['ci', '--include=dev'], { NODE_ENV: 'production' })
    return await starts({ NODE_ENV: 'production' })
  }]
]

const missing = await execute('git', ['--version']).then(() => execute('npm', ['ping']))
  .then(() => undefined, ({ message }) => message.split('\n', 1)[0])
if (missing) skipAll(`git and the npm registry are required (${missing}). Installations were NOT tested.`)
await execute('git', ['clone', '--quiet', root, clone])
for (const [name, test] of checks) await run(name, test)

/** Starts the service by npm, requests a batch, and stops npm. */
async function starts (env = {}) {
  const settings = { PORT: '0', DATA_DIR: join(folder, 'data'), SHUTDOWN_DELAY: '0', ...env }
  const child = spawn('npm', ['start'], {
    cwd: clone,
    env: { ...process.env, ...settings },
    stdio: ['ignore', 'pipe', 2],
    detached: true
  })
  const exit = once(child, 'exit')
  // All of its processes, since the server may have outlived npm.
  const timeout = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), START_MS)
  const messages = []
  let base
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) continue
    const { msg } = JSON.parse(line)
    messages.push(msg)
    base ??= /^listening on (.+)/.exec(msg)?.[1]
    if (!base || !messages.includes('mnist is ready') || messages.includes('requested')) continue
    messages.push('requested')
    const { status } = await fetch(`${base}/v1/datasets/mnist/splits/train/batches`)
    expect(status === 200, `status ${status}`)
    child.kill('SIGTERM')
  }
  clearTimeout(timeout)
  const [code, signal] = await exit
  expect(base, `npm start ended with ${code}`)
  expect(messages.includes('stopping on SIGTERM'), 'SIGTERM did not reach the server')
  return `it serves, and SIGTERM reaches it (npm ends with ${signal ?? code})`
}

async function endsWithOneLine (args, env) {
  await execute('git', ['clean', '-ffdqx'], { cwd: clone })
  const output = await npm(args, env)
  expect(unbuilt.test(output), `no line names a command:\n${output}`)
  const { code, stdout, stderr } = await npm(['start'], env).catch(error => error)
  expect(code === 1 && unbuilt.test(stdout + stderr), `npm start ends with ${code}:\n${stdout}${stderr}`)
  return 'one line names the command to run'
}

async function npm (args, env = {}) {
  const { stdout, stderr } = await execute('npm', [...args, '--no-audit', '--no-fund'], {
    cwd: clone,
    env: { ...process.env, ...env },
    maxBuffer: 64 << 20
  })
  return stdout + stderr
}
