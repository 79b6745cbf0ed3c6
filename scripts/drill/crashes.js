/**
 * Kills whole servers, and fills their disks: kills at random moments, several processes that share a folder, a full
 * disk, and a read-only one. The mirror is on loopback. Disks are mounted as tmpfs, which requires root on Linux;
 * elsewhere these two checks are skipped.
 *
 *     npm run drill -- crashes [--seed n] [--kills 20]
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { run, skip } from '../lib/checks.js'
import { fetchBytes } from '../lib/fetch.js'
import { temporaryFolder } from '../lib/files.js'
import { idxNames, startMirror } from '../lib/mnist.js'
import { startService } from '../lib/server.js'

const { values: options } = parseArgs({
  options: { seed: { type: 'string' }, kills: { type: 'string', default: '20' } }
})
const seed = Number(options.seed ?? randomInt(2 ** 31))
const kills = Number(options.kills)
const serverProgram = fileURLToPath(new URL('../../dist/server.js', import.meta.url))
const canMount = process.platform === 'linux' && process.getuid() === 0

const mirror = await startMirror({ chunks: 64 })
const settings = { SOURCES: 'mirrors', MIRRORS: mirror.base }
const mounted = []
let expected
let readyMs

const checks = [
  { name: 'an undisturbed start from the mirror', test: startUndisturbed },
  { name: `${kills} kills at random moments (seed ${seed}), each followed by a start`, test: killAtRandom },
  { name: 'four processes start at once on one empty folder', test: startFour },
  { name: 'a disk of 20 MB', test: fillDisk, reason: !canMount && 'requires root on Linux' },
  { name: 'a read-only folder', test: startReadOnly, reason: !canMount && 'requires root on Linux' }
]

try {
  for (const { name, test, reason } of checks) {
    if (reason) skip(name, reason)
    else await run(name, test)
  }
} finally {
  for (const path of mounted) spawnSync('umount', [path])
  mirror.stop()
}

async function startUndisturbed () {
  const started = performance.now()
  const server = await start(dataFolder())
  readyMs = performance.now() - started
  expected = await hashServed(server)
  await server.stop()
  return `ready after ${Math.round(readyMs)} ms`
}

async function killAtRandom () {
  let early = 0
  let temporary = 0
  for (let i = 0; i < kills; i++) {
    const folder = dataFolder()
    const ms = random(i) * readyMs
    if (!await killAfter(ms, folder)) early++
    temporary += checkFolder(folder)
    const server = await start(folder)
    await checkServed(server)
    await server.stop()
    if (checkFolder(folder) > 0) {
      const kill = `a start after a kill at ${Math.round(ms)} ms`
      throw new Error(`temporary files remain after ${kill}: ${temporaryFiles(folder)}`)
    }
  }
  return `${early} before the dataset was ready, ${temporary} temporary files left and removed, all bytes correct`
}

async function startFour () {
  mirror.requests.length = 0
  const folder = dataFolder()
  const servers = await Promise.all(Array.from({ length: 4 }, () => start(folder)))
  for (const server of servers) await checkServed(server)
  const prepared = servers.filter(({ lines }) => lines.some(({ msg }) => msg === 'prepared')).length
  const downloads = mirror.requests.length
  for (const server of servers) await server.stop()
  if (prepared !== 1) throw new Error(`prepared ${prepared} times`)
  const expectedRequests = idxNames.map(name => `${name}.gz`).sort().join()
  const requests = [...mirror.requests].sort().join()
  if (requests !== expectedRequests) throw new Error(`requests to the mirror: ${requests}`)
  return `${downloads} downloads of ${idxNames.length} files, prepared once, all serve the same bytes`
}

async function fillDisk () {
  const folder = dataFolder('size=20m')
  const warnings = []
  for (let i = 0; i < 2; i++) {
    const server = await start(folder)
    await checkServed(server)
    warnings.push(...server.lines.filter(({ level }) => level === 40).map(({ msg }) => msg))
    await server.stop()
  }
  if (!warnings.some(message => message.includes('ENOSPC'))) throw new Error(`no warning has ENOSPC: ${warnings}`)
  if (checkFolder(folder) > 0) throw new Error(`temporary files remain: ${temporaryFiles(folder)}`)
  return `served from memory; first warning: ${warnings[0]}`
}

async function startReadOnly () {
  const folder = dataFolder('ro')
  const server = await start(folder)
  await checkServed(server)
  await server.stop()
  const warnings = server.lines.filter(({ level }) => level === 40).map(({ msg }) => msg)
  if (!warnings.some(message => message.includes('EROFS'))) throw new Error(`no warning has EROFS: ${warnings}`)
  return `served from memory; first warning: ${warnings[0]}`
}

/** From 0 up to 1; the seed makes a run reproducible. */
function random (i) {
  return createHash('sha256').update(`${seed}/${i}`).digest().readUInt32LE() / 2 ** 32
}

function dataFolder (mount) {
  const path = temporaryFolder('crashes')
  if (mount !== undefined) {
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', mount, 'tmpfs', path], { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr.trim())
    mounted.push(path)
  }
  return path
}

function start (dataFolder) {
  return startService({ dataFolder, settings })
}

/** A server that is killed before it is ready, or soon after. */
async function killAfter (ms, folder) {
  const victim = spawn(process.execPath, [serverProgram], {
    env: { PATH: process.env.PATH, PORT: '0', DATA_DIR: folder, ...settings },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const lines = []
  createInterface({ input: victim.stdout }).on('line', text => lines.push(JSON.parse(text)))
  const exit = once(victim, 'exit')
  await Promise.race([delay(ms), exit])
  const isReady = lines.some(({ msg }) => msg === 'mnist is ready')
  victim.kill('SIGKILL')
  await exit
  return isReady
}

/** Hashes of all raw and centered batches, and of the mean image. */
async function hashServed ({ base }) {
  const hashes = []
  const dataset = `${base}/v1/datasets/mnist`
  for (const [split, count] of [['train', 48000], ['val', 12000], ['test', 10000]]) {
    for (const normalization of ['raw', 'centered']) {
      const batches = `${dataset}/splits/${split}/batches?format=npz&batch_size=4096&normalization=${normalization}`
      for (let page = 0; page * 4096 < count; page++) hashes.push(await hash(`${batches}&page=${page}`))
    }
  }
  hashes.push(await hash(`${dataset}/mean?format=npy`))
  return hashes.join()
}

async function hash (url) {
  return createHash('sha256').update(await fetchBytes(url)).digest('hex')
}

async function checkServed (server) {
  if (await hashServed(server) !== expected) throw new Error('the server serves wrong bytes')
}

/** Throws unless every file has its hash; returns the number of temporary files. */
function checkFolder (folder) {
  for (const name of list(folder, 'files').filter(name => !name.endsWith('.tmp'))) {
    const found = createHash('sha256').update(readFileSync(join(folder, 'files', name))).digest('hex')
    if (found !== name) throw new Error(`files/${name} has SHA-256 ${found}`)
  }
  for (const name of list(folder, 'prepared').filter(name => name.endsWith('.json'))) {
    const manifest = JSON.parse(readFileSync(join(folder, 'prepared', name), 'utf8'))
    const data = readFileSync(join(folder, 'prepared', name.replace('.json', '.bin')))
    let at = 0
    for (const { name: array, bytes, sha256 } of manifest.arrays) {
      const found = createHash('sha256').update(data.subarray(at, at += bytes)).digest('hex')
      if (found !== sha256) throw new Error(`prepared/${name}: ${array} is damaged`)
    }
  }
  return temporaryFiles(folder).length
}

function temporaryFiles (folder) {
  return ['files', 'prepared'].flatMap(kind => list(folder, kind).filter(name => name.endsWith('.tmp')))
}

function list (folder, kind) {
  const path = join(folder, kind)
  return existsSync(path) ? readdirSync(path) : []
}
