/**
 * Tests the image and docker-compose.yml from outside and from inside. Each run has its own
 * project, image, volume and port, and removes them at the end. Skipped without a Docker engine. DOCKER names another
 * docker client, NODE_IMAGE another base image.
 *
 *     npm run drill -- container
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { restrictedChecks } from './container/restricted.js'
import { expect, run as runCheck, skip, skipAll } from '../lib/checks.js'
import { createProject, docker, findCompose, run } from '../lib/docker.js'
import { freePort } from '../lib/server.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** How long the log may take to show an expected line. */
const LOG_TIMEOUT_MS = 120_000
const GRACE_SECONDS = 10
/** Duration of a slow download: shorter than the service's grace period of 8 s, much longer than an idle stop. */
const SLOW_MS = 4000
/** One body that consists of views, and one that is encoded chunk by chunk. */
const LARGE = ['safetensors', 'json'].map(format => {
  return `/v1/datasets/mnist/splits/train/batches?batch_size=4096&format=${format}`
})
/** A file in the volume that a new container must find. */
const MARKER = '/data/written-by-the-test'
/** Settings that the Compose file fixes, whatever the environment of the host contains. */
const FIXED = ['HOST', 'PORT', 'DATA_DIR']

const composeFile = readFileSync(`${root}/docker-compose.yml`, 'utf8')
const passedOn = [...new Set(Array.from(composeFile.matchAll(/\$\{(\w+)/g), ([, name]) => name))]
const env = {
  // Overrides the shell and a .env file with defaults: an empty variable counts as not set.
  ...Object.fromEntries(passedOn.map(name => [name, ''])),
  PORT: String(await freePort())
}
const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM']) {
  process.once(name, () => interrupted.abort(new Error(`interrupted by ${name}`)))
}

const { missing, command } = await findCompose()
const { signal } = interrupted
if (missing) skipAll(`${missing}. The container was NOT tested.`)
const project = createProject('mnist-batch-server-test', { command, env, signal })
let container = ''
let version = ''
/** What LARGE paths return without a stop. */
let references = []

/** Each returns details to print, or throws. The failure of a vital check skips the rest. */
const checks = [
  { name: 'the image builds', vital: true, run: build },
  ...restrictedChecks(() => project.image, { signal: interrupted.signal }),
  { name: 'the service comes up ready', vital: true, run: comesUp },
  { name: 'a batch arrives from outside', run: batch },
  { name: 'the health check passes', run: healthy },
  { name: 'the process is node, without root, capabilities or zombies', run: unprivileged },
  { name: 'only /data and /tmp can be written', run: writable },
  { name: 'the image has production dependencies only', run: productionOnly },
  { name: 'the image lists what it contains', run: contents },
  { name: 'every setting is passed to the container', run: settings },
  { name: 'the logs are rotated', run: logs },
  { name: 'memory stays below the limit', run: memory },
  { name: 'slow downloads complete after a stop', run: slowStop },
  { name: 'the stopped process exits with 0 within the grace period', run: exitedInTime },
  { name: 'a new container reuses the volume', vital: true, run: recreate },
  { name: 'a stop during preparation takes effect at once', run: earlyStop }
]

let isBroken = false
try {
  for (const { name, vital, run } of checks) {
    if (isBroken || signal.aborted) skip(name)
    else isBroken = !await runCheck(name, run) && vital === true
  }
} finally {
  await project.remove()
}
if (signal.aborted) process.exitCode = 1

async function build () {
  const started = performance.now()
  const size = await project.build()
  return `${Math.round(size / 1e6)} MB, in ${seconds(started)} s`
}

async function comesUp () {
  await up()
  const { ms } = await ready()
  return `${ms} ms after the process started`
}

async function batch () {
  const path = '/v1/datasets/mnist/splits/train/batches?batch_size=100&format=safetensors'
  const { status, headers, bytes, head } = await download(path)
  version = headers['batch-version']
  const header = Number(head.readBigUInt64LE())
  const tensors = JSON.parse(head.toString('utf8', 8, 8 + header))
  const data = Math.max(...Object.values(tensors).map(({ data_offsets: offsets }) => offsets?.[1] ?? 0))
  expect(status === 200, `status ${status}`)
  expect(/^[0-9a-f]{16}$/.test(version), `Batch-Version '${version}'`)
  expect(String(tensors.images?.shape) === '100,784', `images have shape ${tensors.images?.shape}`)
  const expected = 8 + header + data
  expect(bytes === expected && String(bytes) === headers['content-length'], `${bytes} bytes, not ${expected}`)
  return `${bytes} bytes of version ${version}`
}

async function healthy () {
  const since = await inspect('{{.State.StartedAt}}')
  const filters = ['--filter', `container=${container}`, '--filter', 'event=health_status']
  const { time } = await firstLine(['events', '--since', since, ...filters, '--format', '{{json .}}'], line => {
    return line.includes('health_status: healthy') && JSON.parse(line)
  })
  return `${Math.round(time - Date.parse(since) / 1000)} s after the start`
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
  expect(command === 'node --disable-sigusr1 dist/server.js', `process 1 is '${command}'`)
  expect(/^(\d+)\t\1\t\1\t\1$/.test(status.Uid) && parseInt(status.Uid) > 0, `user ids ${status.Uid}`)
  const { CapEff: effective, CapBnd: bounding } = status
  expect(/^0+$/.test(effective) && /^0+$/.test(bounding), `capabilities ${effective}, bounding set ${bounding}`)
  expect(status.NoNewPrivs === '1', 'the process may gain privileges')
  expect(zombies.length === 0, `zombies ${zombies}`)
  return `user ${parseInt(status.Uid)}`
}

async function writable () {
  const results = await inside(async () => {
    const { rmSync, writeFileSync } = await import('node:fs')
    const folders = ['/', '/app', '/app/dist', '/home/node', '/usr', '/var/tmp', '/data', '/tmp']
    return folders.map(folder => {
      try {
        writeFileSync(`${folder}/probe`, '')
        rmSync(`${folder}/probe`)
        return [folder, 'written']
      } catch ({ code }) {
        return [folder, code]
      }
    })
  })
  const expected = folder => ['/data', '/tmp'].includes(folder) ? 'written' : 'EROFS'
  const wrong = results.filter(([folder, result]) => result !== expected(folder))
  expect(wrong.length === 0, wrong.join('; '))
  return `${results.length - 2} other folders are read-only`
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
  const lockFile = JSON.parse(readFileSync(`${root}/package-lock.json`, 'utf8'))
  const locked = Object.entries(lockFile.packages)
  const development = locked.filter(([, { dev }]) => dev).map(([path]) => path)
  const required = locked.filter(([path, { dev, devOptional, optional }]) => {
    return path && !dev && !devOptional && !optional
  }).map(([path]) => path)
  const extra = development.filter(path => packages.includes(path))
  const absent = required.filter(path => !packages.includes(path))
  for (const name of ['tap', 'typescript', 'eslint']) {
    expect(development.includes(`node_modules/${name}`), `${name} is not a development dependency in the lock file`)
  }
  expect(extra.length === 0, `development dependencies: ${extra}`)
  expect(absent.length === 0, `missing dependencies: ${absent}`)
  expect(app.join() === 'LICENSE,dist,licences,node_modules,openapi,package.json', `/app contains ${app}`)
  const native = packages.includes('node_modules/@tensorflow/tfjs-node')
  const tensorflow = native ? 'with native TensorFlow' : 'without native TensorFlow'
  return `${packages.length} packages, none of ${development.length} for development, ${tensorflow}`
}

async function contents () {
  const { texts, bom, missing } = await inside(async () => {
    const { existsSync, readFileSync } = await import('node:fs')
    const bom = JSON.parse(readFileSync('licences/sbom.cdx.json', 'utf8'))
    const names = new Set(bom.components.map(({ name }) => name))
    const missing = Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).dependencies)
      .filter(name => !names.has(name) || !existsSync(`node_modules/${name}`))
    const texts = readFileSync('licences/THIRD-PARTY.txt', 'utf8').length
    return { texts, bom: { format: bom.bomFormat, count: names.size, hasPreact: names.has('preact') }, missing }
  })
  expect(missing.length === 0, `the bill of materials lacks ${missing}`)
  expect(bom.format === 'CycloneDX' && bom.hasPreact, `${JSON.stringify(bom)}`)
  expect(texts > 100_000, `the licences have ${texts} characters`)
  return `${bom.count} packages, and ${texts} characters of licences`
}

async function logs () {
  const { Type: driver, Config: options } = JSON.parse(await inspect('{{json .HostConfig.LogConfig}}'))
  expect(options['max-size'] && options['max-file'] > 1, `the ${driver} driver has ${JSON.stringify(options)}`)
  return `${options['max-file']} files of ${options['max-size']}`
}

async function settings () {
  const names = await inside(async () => {
    const { environment } = await import('/app/dist/config/environment.js')
    return Object.keys(environment.properties)
  })
  const missing = names.filter(name => !FIXED.includes(name) && !passedOn.includes(name))
  expect(missing.length === 0, `docker-compose.yml does not pass ${missing}`)
  return `${names.length - FIXED.length} settings`
}

async function memory () {
  const usage = await run(docker, ['stats', '--no-stream', '--format', '{{.MemUsage}}', container], { signal })
  const state = await inspect('{{.State.OOMKilled}} {{.RestartCount}} {{.HostConfig.Memory}}')
  const [killed, restarts, limit] = state.split(' ')
  expect(killed === 'false' && restarts === '0', `killed for memory: ${killed}, restarts: ${restarts}`)
  expect(Number(limit) > 0, 'there is no memory limit')
  return usage
}

async function slowStop () {
  await inside(`async () => (await import('node:fs')).writeFileSync('${MARKER}', '${project.name}')`)
  references = await Promise.all(LARGE.map(path => download(path)))

  let pending = LARGE.length
  let stopped
  const onStart = () => { if (--pending === 0) stopped = stop() }
  const results = await Promise.allSettled(LARGE.map((path, i) => {
    return download(path, { durationMs: SLOW_MS, totalBytes: references[i].bytes, onStart })
  }))
  await (stopped ?? stop())
  const truncated = results.filter(({ status }) => status === 'rejected').map(({ reason }) => reason.message)
  expect(truncated.length === 0, truncated.join('; '))
  const areEqual = results.every(({ value }, i) => value.status === 200 && value.hash === references[i].hash)
  expect(areEqual, 'the bytes differ from those without a stop')
  const bytes = results.map(({ value }) => value.bytes).join(' and ')
  return `${bytes} bytes over ${SLOW_MS / 1000} s, stopped after the first ones`
}

async function exitedInTime () {
  const state = await inspect('{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.FinishedAt}}')
  const [status, code, killed, ended] = state.split(' ')
  const exited = status === 'exited' && code === '0' && killed === 'false'
  expect(exited, `${status} with code ${code}, killed for memory: ${killed}`)
  const signalled = (await log()).find(({ msg }) => msg.startsWith('stopping'))
  expect(signalled, 'the log has no line about the signal')
  const seconds = (Date.parse(ended) - signalled.time) / 1000
  expect(seconds < GRACE_SECONDS, `${seconds} s`)
  return `exit code 0, ${seconds.toFixed(2)} s after SIGTERM`
}

async function recreate () {
  const previous = container
  await up('--force-recreate')
  expect(container !== previous, 'the container is the same')
  const { ms } = await ready()
  const restored = (await log()).some(({ msg }) => msg.startsWith('restored'))
  expect(restored, 'the dataset in the volume was not restored')
  const marker = await inside(`async () => (await import('node:fs')).readFileSync('${MARKER}', 'utf8')`)
  expect(marker === project.name, 'the volume is a different one')
  const { headers, hash } = await download(LARGE[0])
  expect(headers['batch-version'] === version && hash === references[0].hash, 'it serves different bytes')
  return `the same bytes, ready in ${ms} ms`
}

async function earlyStop () {
  // Another version, which is not in the volume, and takes many seconds to prepare.
  Object.assign(env, { SPLIT: 'shuffled', SPLIT_SEED: '1', DENOISE: 'median3', TFJS_BACKEND: 'cpu' })
  await up('--force-recreate')
  await record(({ progress }) => progress?.stage === 'prepare')
  await stop()
  expect((await log()).every(({ msg }) => !msg.endsWith('is ready')), 'the dataset was ready before the stop')
  return exitedInTime()
}

/** Starts the service. */
async function up (...options) {
  await project.compose(['up', '--detach', '--no-build', ...options])
  container = await project.compose(['ps', '-q', 'server'])
}

function stop () {
  return project.compose(['stop'])
}

function ready () {
  return record(({ msg, dataset }) => dataset && msg.endsWith('is ready'))
}

/** The first line of the container's log that matches. */
function record (matches) {
  return firstLine(['logs', '--follow', container], line => {
    const found = JSON.parse(line)
    if (found.level >= 50) throw new Error(found.msg)
    return matches(found) && found
  })
}

async function log () {
  return (await run(docker, ['logs', container], { signal })).split('\n').map(line => JSON.parse(line))
}

/** Follows the output of a docker command until `pick` returns a value for a line. */
async function firstLine (args, pick) {
  const finished = new AbortController()
  const timeout = AbortSignal.timeout(LOG_TIMEOUT_MS)
  const signal = AbortSignal.any([interrupted.signal, timeout, finished.signal])
  const child = spawn(docker, args, { stdio: ['ignore', 'pipe', 'inherit'], signal })
  child.on('error', () => {})
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const picked = pick(line)
      if (picked) return picked
    }
    throw new Error(timeout.aborted ? `no such line after ${LOG_TIMEOUT_MS / 1000} s` : 'the log ended before')
  } finally {
    finished.abort()
  }
}

function inspect (format) {
  return run(docker, ['inspect', '--format', format, container], { signal })
}

/** Runs a function in the container, as the user of the service, and returns its value. */
async function inside (code) {
  const script = `(${code})().then(value => console.log(JSON.stringify(value ?? null)))`
  return JSON.parse(await run(docker, ['exec', container, 'node', '-e', script], { signal }))
}

/**
 * @param options.durationMs how long to take for the body of `totalBytes`; as fast as possible by default
 * @param options.onStart called with the first bytes
 */
async function download (path, { durationMs = 0, totalBytes = 1, onStart = () => {} } = {}) {
  // A container that vanishes does not close its connections.
  const signal = AbortSignal.any([interrupted.signal, AbortSignal.timeout(durationMs + 20_000)])
  const request = get({ host: '127.0.0.1', port: env.PORT, path, agent: false, signal })
  const [response] = await once(request, 'response')
  const hash = createHash('sha256')
  const head = []
  const started = performance.now()
  let bytes = 0
  try {
    for await (const chunk of response) {
      if (bytes === 0) onStart()
      if (bytes < 65536) head.push(chunk)
      hash.update(chunk)
      bytes += chunk.length
      const earlyMs = started + durationMs * bytes / totalBytes - performance.now()
      if (earlyMs > 1) await delay(earlyMs)
    }
  } catch ({ message }) {
    throw new Error(`${path} ends after ${bytes} bytes: ${message}`)
  }
  const { statusCode: status, headers } = response
  return { status, headers, bytes, hash: hash.digest('hex'), head: Buffer.concat(head) }
}

function seconds (since) {
  return ((performance.now() - since) / 1000).toFixed(1)
}
