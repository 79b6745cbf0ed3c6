/**
 * Tests deploy/compose.fleet.yml in containers, and with failures under load: the requests that reach the replicas, and
 * a drill under load in which a replica is killed, one is stopped, the cache is restarted, the file system of the
 * volume becomes read-only, and replicas are replaced by ones whose mount is read-only. Each run has its own project,
 * image, volumes and port. Skipped without a Docker engine. DOCKER names another docker client, NODE_IMAGE another base
 * image.
 *
 *     npm run drill -- fleet-containers
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { checkCollapsing, countBatches } from './fleet/collapsing.js'
import { checkTotals, describeRetries, startCrowd } from './fleet/crowd.js'
import { scrapedReplicas } from './fleet/monitoring.js'
import { check, skipAll } from '../lib/checks.js'
import { createProject, docker, findCompose, run } from '../lib/docker.js'
import { temporaryFolder } from '../lib/files.js'
import { freePort } from '../lib/server.js'

const CLIENTS = 20
/** Between the pages of a client, as training takes time. */
const PAUSE_MS = 100
/** Load before and after each failure. */
const CALM_MS = 3000
const HEALTHY_MS = 120_000
/** A file system for the volume alone, which can become read-only while containers use it. */
const OWN_FILE_SYSTEM = 'volumes: { data: { driver_opts: { type: tmpfs, device: tmpfs, o: mode=1777 } } }'
const READ_ONLY = 'services: { server: { volumes: ["data:/data:ro"] } }'
const WRITE = 'fs.writeFileSync("/data/new", "")'

const { missing, command } = await findCompose()
if (missing) skipAll(`${missing}. The fleet was NOT tested in containers.`)
const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM']) {
  process.once(name, () => interrupted.abort(new Error(`interrupted by ${name}`)))
}
const { signal } = interrupted
const folder = temporaryFolder('fleet')
const files = ['deploy/compose.fleet.yml', writeOverride('file-system.yml', OWN_FILE_SYSTEM)]
const [port, prometheusPort] = [String(await freePort()), String(await freePort())]
const env = { PORT: port, PROMETHEUS_PORT: prometheusPort, DATASETS: '', MEMORY_LIMIT: '', ACCESS_LOG: '' }
const project = createProject('mnist-fleet-test', { command, env, files, signal })
const base = `http://127.0.0.1:${port}`
try {
  await testProfile()
  console.log(`built    ${Math.round(await project.build() / 1e6)} MB`)
  const version = await testStart()
  await testMonitoring()
  await checkCollapsing(base, version, countRequests)
  await testScale(version)
  await testDrill(version)
  await testEnd()
} catch (error) {
  check('the test completes', false, error.stderr || error.stack)
} finally {
  await project.remove()
}

async function testProfile () {
  const services = await project.compose(['--profile', 'monitoring', 'config', '--services'])
  check('the profile adds Prometheus and Grafana', /^grafana$/m.test(services) && /^prometheus$/m.test(services))
}

async function testMonitoring () {
  const count = await scrapedReplicas(project, prometheusPort, 3)
  if (count === undefined) return console.log('skipped  Prometheus, whose image cannot be pulled')
  check('Prometheus scrapes all replicas', count === 3, `${count}`)
}

/** @returns the version of MNIST */
async function testStart () {
  const started = performance.now()
  await project.compose(['up', '--detach', '--no-build'])
  const replicas = await containers('server')
  await Promise.all(replicas.map(healthy))
  check('one command starts 3 replicas and the cache', replicas.length === 3, `${seconds(started)} s`)
  const prepared = await Promise.all(replicas.map(async id => /"prepared"/.test(await output('logs', id))))
  check('one of them prepares', prepared.filter(Boolean).length === 1)
  const { version } = await (await fetch(`${base}/v1/datasets/mnist`)).json()
  return version
}

async function testScale (version) {
  const crowd = startCrowd(base, version, { clients: CLIENTS, pauseMs: PAUSE_MS })
  for (const count of [5, 3]) {
    await project.compose(['up', '--detach', '--no-build', '--scale', `server=${count}`, 'server'])
    const replicas = await containers('server')
    await Promise.all(replicas.map(healthy))
    await delay(CALM_MS)
    const requests = await Promise.all(replicas.map(countOf))
    check(`--scale server=${count}`, replicas.length === count && requests.every(number => number > 0),
      `${requests.join(', ')} requests`)
  }
  checkTotals('scaling', await crowd.end())
}

async function testDrill (version) {
  const [killed, stopped] = await containers('server')
  const [cache] = await containers('cache')
  const crowd = startCrowd(base, version, { clients: CLIENTS, pauseMs: PAUSE_MS })
  const failures = {
    'a replica is killed': () => killAndRestart(killed),
    'a replica is stopped': async () => {
      await output('stop', stopped)
      const code = await inspect(stopped, '{{.State.ExitCode}}')
      check('it exits with 0', code === '0', code)
      await delay(CALM_MS)
      await output('start', stopped)
      await healthy(stopped)
    },
    'the cache restarts': () => output('restart', cache),
    'the file system becomes read-only': () => makeReadOnly(killed),
    'replicas with a read-only mount replace the others': replaceReplicas
  }
  for (const [name, fail] of Object.entries(failures)) {
    const before = { ...crowd.totals, retries: { ...crowd.totals.retries } }
    const started = performance.now()
    await delay(CALM_MS)
    await fail()
    await delay(CALM_MS)
    const retries = Object.entries(crowd.totals.retries).map(([reason, count]) => {
      return [reason, count - (before.retries[reason] ?? 0)]
    }).filter(([, count]) => count > 0)
    console.log(`         ${name}: ${crowd.totals.responses - before.responses} responses in ${seconds(started)} s, ` +
      describeRetries(Object.fromEntries(retries)))
  }
  checkTotals('drill', await crowd.end())
}

async function killAndRestart (id) {
  await output('kill', '--signal', 'KILL', id)
  await delay(CALM_MS)
  await output('start', id)
  await healthy(id)
}

/** As an error of a disk does, under running replicas; one of them is then killed and restarts. */
async function makeReadOnly (id) {
  const volume = await output('volume', 'inspect', '--format', '{{.Mountpoint}}', `${project.name}_data`)
  try {
    await run('mount', ['--options', 'remount,ro', volume], { signal })
  } catch ({ stderr }) {
    return console.log(`skipped  the remount, which needs root on the machine of the engine: ${stderr.trim()}`)
  }
  const error = await output('exec', id, 'node', '--eval', WRITE).catch(({ stderr }) => stderr)
  check('replicas cannot write to the volume', /EROFS/.test(error))
  await killAndRestart(id)
  const logs = await output('logs', '--since', await inspect(id, '{{.State.StartedAt}}'), id)
  check('one that restarts restores the dataset from it', /"restored/.test(logs))
}

/** Starts replicas that cannot write to the volume, and removes the others. */
async function replaceReplicas () {
  const before = await containers('server')
  const override = writeOverride('read-only.yml', READ_ONLY)
  const scale = ['--no-recreate', '--scale', `server=${2 * before.length}`, 'server']
  await project.compose(['up', '--detach', '--no-build', ...scale], { files: [override] })
  const added = (await containers('server')).filter(id => !before.includes(id))
  await Promise.all(added.map(healthy))
  for (const id of before) {
    await output('stop', id)
    await output('rm', id)
  }
  const writable = await Promise.all(added.map(id => inspect(id, '{{range .Mounts}}{{.RW}}{{end}}')))
  check('all replicas have a read-only volume', added.length === before.length && !writable.join().includes('true'))
  const restored = await Promise.all(added.map(async id => /"restored/.test(await output('logs', id))))
  check('they restore the dataset from it', restored.every(Boolean))
  await delay(CALM_MS)
  const requests = await Promise.all(added.map(countOf))
  check('all of them serve', requests.every(number => number > 0), `${requests.join(', ')} requests`)
}

async function testEnd () {
  await project.compose(['--profile', 'monitoring', 'down'])
  const left = await output('ps', '--all', '--quiet', '--filter', `label=com.docker.compose.project=${project.name}`)
  check('one command removes all containers', left === '')
}

/** @returns the path of a Compose file that changes others */
function writeOverride (name, content) {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

async function containers (service) {
  return (await project.compose(['ps', '--quiet', service])).split('\n').filter(Boolean)
}

async function healthy (id) {
  const end = performance.now() + HEALTHY_MS
  while (performance.now() < end) {
    if (await inspect(id, '{{.State.Health.Status}}') === 'healthy') return
    await delay(250, null, { signal })
  }
  throw new Error(`${id} is not healthy after ${HEALTHY_MS / 1000} s: ${await output('logs', '--tail', '20', id)}`)
}

/** From inside, since metrics are not published. */
async function countOf (id) {
  const code = 'fetch("http://127.0.0.1:9464/metrics").then(r => r.text()).then(console.log)'
  return countBatches(await output('exec', id, 'node', '-e', code))
}

async function countRequests () {
  const counts = await Promise.all((await containers('server')).map(countOf))
  return counts.reduce((sum, count) => sum + count, 0)
}

function inspect (id, format) {
  return output('inspect', '--format', format, id)
}

function output (...args) {
  return run(docker, args, { signal })
}

function seconds (since) {
  return ((performance.now() - since) / 1000).toFixed(1)
}
