/**
 * Builds the image, runs it as docker-compose.yml says, and looks at it from outside and from inside. Each run has a project,
 * an image, a volume and a port of its own, and takes all of them away again. Without a Docker engine it says so and
 * skips. DOCKER names another docker client.
 */
import { execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const docker = process.env.DOCKER || 'docker'
const WAIT_MS = 120_000
const GRACE_SECONDS = 10
/** How long the slow reader takes: less than the service's own grace of 8 s, much more than a stop without readers. */
const SLOW_MS = 4000
/** Bodies of several parts and of one, which take different ways through Node. */
const LARGE = ['safetensors', 'json'].map(format => `/v1/datasets/mnist/splits/train/batches?batch_size=4096&format=${format}`)
const MARKER = '/data/left-by-the-test'
/** What the container decides itself, whatever the environment of the host says. */
const FIXED = ['HOST', 'PORT', 'DATA_DIR']

const composeFile = readFileSync(`${root}/docker-compose.yml`, 'utf8')
const passedOn = [...new Set(Array.from(composeFile.matchAll(/\$\{(\w+)/g), ([, name]) => name))]
const project = `mnist-batch-server-test-${randomBytes(4).toString('hex')}`
const env = {
  ...process.env,
  // Defaults, whatever the shell or a .env file has: an empty variable counts as not set.
  ...Object.fromEntries(passedOn.map(name => [name, ''])),
  IMAGE: `${project}:latest`,
  PORT: String(await freePort())
}
const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => interrupted.abort(new Error(`interrupted by ${name}`)))

const execute = promisify(execFile)
let compose = []
let container = ''
let version = ''
let hashes = []

/** Each gives what is worth printing, or throws. After a vital one that failed, nothing else can be said. */
const checks = [
  { name: 'the image builds', vital: true, run: build },
  { name: 'the service comes up ready', vital: true, run: comesUp },
  { name: 'a batch arrives from outside', run: batch },
  { name: 'the health check passes', run: healthy },
  { name: 'the process is node, without root, capabilities or zombies', run: unprivileged },
  { name: 'only /data and /tmp can be written', run: writable },
  { name: 'the image has production dependencies only', run: productionOnly },
  { name: 'every setting is passed on', run: settings },
  { name: 'memory stays below the limit', run: memory },
  { name: 'responses that are read slowly arrive whole after a stop', run: slowStop },
  { name: 'the stopped process ends well, within the grace period', run: endedWell },
  { name: 'a new container takes over the volume', vital: true, run: recreate },
  { name: 'a stop during the preparation ends it at once', run: earlyStop }
]

process.exitCode = await main()

async function main () {
  const missing = await unavailable()
  if (missing) {
    console.log(`SKIPPED: ${missing}. The container was NOT tested.`)
    console.log('0 passed, 0 failed, 1 skipped')
    return 0
  }
  const counts = { passed: 0, failed: 0, skipped: 0 }
  try {
    let broken = false
    for (const { name, vital, run } of checks) {
      if (broken || interrupted.signal.aborted) {
        counts.skipped++
        console.log(`skipped  ${name}`)
        continue
      }
      try {
        const detail = await run()
        counts.passed++
        console.log(`passed   ${name}: ${detail}`)
      } catch (error) {
        counts.failed++
        broken = vital === true
        console.log(`FAILED   ${name}: ${error.stderr || error.message}`)
      }
    }
  } finally {
    // Whatever this prints, the counts come last.
    await execute(...composed('down', '--volumes', '--remove-orphans')).catch(({ message }) => console.log(`not taken down: ${message}`))
    await execute(docker, ['image', 'rm', '--no-prune', env.IMAGE]).catch(() => {})
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  return counts.failed > 0 || interrupted.signal.aborted ? 1 : 0
}

/** Why nothing can be run here, if so; picks the compose client otherwise. */
async function unavailable () {
  const fails = (file, ...args) => execute(file, args).then(() => false, ({ stderr, message }) => (stderr || message).trim().split('\n').at(-1))
  // An engine that is away makes older clients print the error and exit 0.
  const engine = await fails(docker, 'version', '--format', '{{.Server.Version}}') || await fails(docker, 'info')
  if (engine) return `no Docker engine answers '${docker} info' (${engine})`
  for (const candidate of [[docker, 'compose'], ['docker-compose']]) {
    const [file, ...args] = candidate
    if (await fails(file, ...args, 'version')) continue
    compose = candidate
    return undefined
  }
  return `neither '${docker} compose' nor 'docker-compose' is there`
}

async function build () {
  const started = performance.now()
  await run(...composed('build'))
  const size = await run(docker, ['image', 'inspect', '--format', '{{.Size}}', env.IMAGE])
  return `${Math.round(size / 1e6)} MB, in ${seconds(started)} s`
}

async function comesUp () {
  await up()
  const { ms } = await ready()
  return `${ms} ms after the process started`
}

async function batch () {
  const { status, headers, bytes, head } = await download('/v1/datasets/mnist/splits/train/batches?batch_size=100&format=safetensors')
  version = headers['batch-version']
  const header = Number(head.readBigUInt64LE())
  const tensors = JSON.parse(head.toString('utf8', 8, 8 + header))
  const data = Math.max(...Object.values(tensors).map(({ data_offsets: offsets }) => offsets?.[1] ?? 0))
  expect(status === 200, `status ${status}`)
  expect(/^[0-9a-f]{16}$/.test(version), `Batch-Version '${version}'`)
  expect(String(tensors.images?.shape) === '100,784', `images have shape ${tensors.images?.shape}`)
  expect(bytes === 8 + header + data && String(bytes) === headers['content-length'], `${bytes} bytes, ${8 + header + data} by its own header`)
  return `${bytes} bytes of version ${version}`
}

async function healthy () {
  const since = await inspect('{{.State.StartedAt}}')
  const { time } = await firstLine(
    ['events', '--since', since, '--filter', `container=${container}`, '--filter', 'event=health_status', '--format', '{{json .}}'],
    line => line.includes('health_status: healthy') && JSON.parse(line))
  return `first seen ${Math.round(time - Date.parse(since) / 1000)} s after the start`
}

async function unprivileged () {
  const { status, command, zombies } = await inside(async () => {
    const { readFileSync, readdirSync } = await import('node:fs')
    const read = path => { try { return readFileSync(path, 'utf8') } catch { return '' } }
    return {
      status: Object.fromEntries(read('/proc/1/status').split('\n').map(line => line.split(/:\s+/))),
      command: read('/proc/1/cmdline').split('\0').join(' ').trim(),
      zombies: readdirSync('/proc').filter(name => /^State:\s+Z/m.test(read(`/proc/${name}/status`)))
    }
  })
  expect(command === 'node dist/server.js', `process 1 is '${command}'`)
  expect(/^(\d+)\t\1\t\1\t\1$/.test(status.Uid) && parseInt(status.Uid) > 0, `user ids ${status.Uid}`)
  expect(/^0+$/.test(status.CapEff) && /^0+$/.test(status.CapBnd), `capabilities ${status.CapEff}, bounds ${status.CapBnd}`)
  expect(status.NoNewPrivs === '1', 'it may gain privileges')
  expect(zombies.length === 0, `zombies ${zombies}`)
  return `user ${parseInt(status.Uid)}`
}

async function writable () {
  const results = await inside(async () => {
    const { rmSync, writeFileSync } = await import('node:fs')
    return ['/', '/app', '/app/dist', '/home/node', '/usr', '/var/tmp', '/data', '/tmp'].map(folder => {
      try {
        writeFileSync(`${folder}/probe`, '')
        rmSync(`${folder}/probe`)
        return [folder, 'written']
      } catch ({ code }) {
        return [folder, code]
      }
    })
  })
  const wrong = results.filter(([folder, result]) => result !== (['/data', '/tmp'].includes(folder) ? 'written' : 'EROFS'))
  expect(wrong.length === 0, wrong.join('; '))
  return `${results.length - 2} other places are read-only`
}

async function productionOnly () {
  const { app, packages } = await inside(async () => {
    const { readdirSync } = await import('node:fs')
    return {
      app: readdirSync('.').sort(),
      packages: readdirSync('node_modules', { recursive: true })
        .filter(path => /(^|\/node_modules\/)(@[^/]+\/)?[^/@]+\/package\.json$/.test(path))
        .map(path => `node_modules/${path.slice(0, -'/package.json'.length)}`)
    }
  })
  const locked = Object.entries(JSON.parse(readFileSync(`${root}/package-lock.json`, 'utf8')).packages)
  const development = locked.filter(([, { dev }]) => dev).map(([path]) => path)
  const needed = locked.filter(([path, { dev, devOptional, optional }]) => path && !dev && !devOptional && !optional).map(([path]) => path)
  const extra = development.filter(path => packages.includes(path))
  const absent = needed.filter(path => !packages.includes(path))
  for (const name of ['tap', 'typescript', 'eslint']) expect(development.includes(`node_modules/${name}`), `${name} is not locked as a development dependency`)
  expect(extra.length === 0, `development dependencies: ${extra}`)
  expect(absent.length === 0, `missing dependencies: ${absent}`)
  expect(app.join() === 'LICENSE,dist,node_modules,openapi,package.json', `/app has ${app}`)
  const native = packages.includes('node_modules/@tensorflow/tfjs-node')
  return `${packages.length} packages, none of ${development.length} for development, ${native ? 'with' : 'without'} native TensorFlow`
}

async function settings () {
  const names = await inside(async () => Object.keys((await import('/app/dist/config.js')).environment.properties))
  const missing = names.filter(name => !FIXED.includes(name) && !passedOn.includes(name))
  expect(missing.length === 0, `docker-compose.yml does not pass on ${missing}`)
  return `${names.length - FIXED.length} of them`
}

async function memory () {
  const usage = await run(docker, ['stats', '--no-stream', '--format', '{{.MemUsage}}', container])
  const [killed, restarts, limit] = (await inspect('{{.State.OOMKilled}} {{.RestartCount}} {{.HostConfig.Memory}}')).split(' ')
  expect(killed === 'false' && restarts === '0', `killed for memory: ${killed}, restarts: ${restarts}`)
  expect(Number(limit) > 0, 'there is no limit')
  return usage
}

async function slowStop () {
  await inside(`async () => (await import('node:fs')).writeFileSync('${MARKER}', '${project}')`)
  hashes = await Promise.all(LARGE.map(async path => (await download(path)).hash))

  let waiting = LARGE.length
  let stopped
  const begun = () => { if (--waiting === 0) stopped = stop() }
  const results = await Promise.allSettled(LARGE.map(path => download(path, { takes: SLOW_MS, begun })))
  await (stopped ?? stop())
  const cut = results.filter(({ status }) => status === 'rejected').map(({ reason }) => reason.message)
  expect(cut.length === 0, cut.join('; '))
  expect(results.every(({ value }, i) => value.status === 200 && value.hash === hashes[i]), 'other bytes than without a stop')
  return `${results.map(({ value }) => value.bytes).join(' and ')} bytes over ${SLOW_MS / 1000} s, stopped after the first`
}

async function endedWell () {
  const [state, code, killed, ended] = (await inspect('{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.FinishedAt}}')).split(' ')
  expect(state === 'exited' && code === '0' && killed === 'false', `${state} with code ${code}, killed for memory: ${killed}`)
  const signalled = (await log()).find(({ msg }) => msg.startsWith('stopping'))
  expect(signalled, 'its log does not say that it was told to stop')
  const took = (Date.parse(ended) - signalled.time) / 1000
  expect(took < GRACE_SECONDS, `${took} s`)
  return `exit code 0, ${took.toFixed(2)} s after SIGTERM`
}

async function recreate () {
  const before = container
  await up('--force-recreate')
  expect(container !== before, 'it is the same container')
  const { ms } = await ready()
  expect((await log()).some(({ msg }) => msg === 'restored as it was prepared before'), 'it prepared what the volume had')
  const marker = await inside(`async () => (await import('node:fs')).readFileSync('${MARKER}', 'utf8')`)
  expect(marker === project, 'the volume is another one')
  const { headers, hash } = await download(LARGE[0])
  expect(headers['batch-version'] === version && hash === hashes[0], 'it serves other bytes')
  return `the same bytes, ready in ${ms} ms`
}

async function earlyStop () {
  // Another version, which the volume does not have prepared.
  Object.assign(env, { SPLIT: 'shuffled', SPLIT_SEED: '1' })
  await up('--force-recreate')
  await record(({ progress }) => progress?.stage === 'prepare')
  await stop()
  expect((await log()).every(({ msg }) => !msg.endsWith('is ready')), 'it was ready before it was stopped')
  return endedWell()
}

/** Starts the service, or starts it anew. */
async function up (...options) {
  await run(...composed('up', '--detach', '--no-build', ...options))
  container = await run(...composed('ps', '-q', 'server'))
}

function stop () {
  return run(...composed('stop'))
}

function ready () {
  return record(({ msg, dataset }) => dataset && msg.endsWith('is ready'))
}

/** The first record in the container's log that is wanted. */
function record (wanted) {
  return firstLine(['logs', '--follow', container], line => {
    const found = JSON.parse(line)
    if (found.level >= 50) throw new Error(found.msg)
    return wanted(found) && found
  })
}

async function log () {
  return (await run(docker, ['logs', container])).split('\n').map(line => JSON.parse(line))
}

/** Follows what a docker command prints until `pick` makes something of a line. */
async function firstLine (args, pick) {
  const ended = new AbortController()
  const timeout = AbortSignal.timeout(WAIT_MS)
  const signal = AbortSignal.any([interrupted.signal, timeout, ended.signal])
  const child = spawn(docker, args, { stdio: ['ignore', 'pipe', 'inherit'], signal })
  child.on('error', () => {})
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const picked = pick(line)
      if (picked) return picked
    }
    throw new Error(timeout.aborted ? `nothing after ${WAIT_MS / 1000} s` : 'it ended before')
  } finally {
    ended.abort()
  }
}

function inspect (format) {
  return run(docker, ['inspect', '--format', format, container])
}

/** What a function gives that is run in the container, as the user of the service. */
async function inside (code) {
  return JSON.parse(await run(docker, ['exec', container, 'node', '-e', `(${code})().then(value => console.log(JSON.stringify(value ?? null)))`]))
}

/**
 * @param takes milliseconds over which the body is read; as fast as it comes without
 * @param begun is called with the first bytes
 */
async function download (path, { takes = 0, begun = () => {} } = {}) {
  // A container that is gone does not say so: without a limit, its reader could wait for ever.
  const signal = AbortSignal.any([interrupted.signal, AbortSignal.timeout(takes + 20_000)])
  const request = get({ host: '127.0.0.1', port: env.PORT, path, agent: false, signal })
  const [response] = await once(request, 'response')
  const length = Number(response.headers['content-length'])
  const hash = createHash('sha256')
  const head = []
  const started = performance.now()
  let bytes = 0
  try {
    for await (const chunk of response) {
      if (bytes === 0) begun()
      if (bytes < 65536) head.push(chunk)
      hash.update(chunk)
      bytes += chunk.length
      const early = started + takes * bytes / length - performance.now()
      if (early > 1) await delay(early)
    }
  } catch ({ message }) {
    throw new Error(`${path} is cut off after ${bytes} of ${length} bytes: ${message}`)
  }
  return { status: response.statusCode, headers: response.headers, bytes, hash: hash.digest('hex'), head: Buffer.concat(head) }
}

function composed (...args) {
  const [file, ...before] = compose
  return [file, [...before, '--project-name', project, ...args], { cwd: root, env, maxBuffer: 64 << 20 }]
}

async function run (file, args, options) {
  const { stdout } = await execute(file, args, { maxBuffer: 64 << 20, ...options, signal: interrupted.signal })
  return stdout.trim()
}

async function freePort () {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

function expect (holds, otherwise) {
  if (!holds) throw new Error(otherwise)
}

function seconds (since) {
  return ((performance.now() - since) / 1000).toFixed(1)
}
