/**
 * What the data folder survives, with real MNIST and whole processes: kills at random moments, many processes on one
 * folder, a disk that is full, one that cannot be written. The mirror is on loopback. Disks are made with mount, as root
 * on Linux; elsewhere those two are skipped.
 *
 *     npm run test:crashes [-- --seed n] [--kills 20]
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { idxNames, startMirror } from './lib/mnist.js'

const { values: options } = parseArgs({ options: { seed: { type: 'string' }, kills: { type: 'string', default: '20' } } })
const seed = Number(options.seed ?? randomInt(2 ** 31))
const kills = Number(options.kills)
const program = fileURLToPath(new URL('../dist/server.js', import.meta.url))
const WAIT_MS = 60_000
const disks = process.platform === 'linux' && process.getuid() === 0

const mirror = await startMirror({ chunks: 64 })
const settings = { SOURCES: 'mirrors', MIRRORS: mirror.base }
const folders = []
const running = new Set()
let expected
let typicalMs

const checks = [
  { name: 'a start from the mirror, undisturbed', run: undisturbed },
  { name: `${kills} kills at random moments (seed ${seed}), each start after one serves the right bytes`, run: killed },
  { name: 'four processes start at once on one empty folder', run: four },
  { name: 'a disk of 20 MB', run: smallDisk, skip: !disks && 'needs root on Linux' },
  { name: 'a folder that cannot be written', run: readOnly, skip: !disks && 'needs root on Linux' }
]

const counts = { passed: 0, failed: 0, skipped: 0 }
try {
  for (const { name, run, skip } of checks) {
    if (skip) {
      counts.skipped++
      console.log(`SKIPPED  ${name}: ${skip}`)
      continue
    }
    try {
      const detail = await run()
      counts.passed++
      console.log(`passed   ${name}: ${detail}`)
    } catch (error) {
      counts.failed++
      console.log(`FAILED   ${name}: ${error.message}`)
    }
  }
} finally {
  for (const child of running) child.kill('SIGKILL')
  for (const folder of folders) {
    if (folder.mounted) spawnSync('umount', [folder.path])
    rmSync(folder.path, { recursive: true, force: true })
  }
  mirror.stop()
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exitCode = counts.failed > 0 ? 1 : 0

async function undisturbed () {
  const started = performance.now()
  const server = await ready(start(dataFolder()))
  typicalMs = performance.now() - started
  expected = await served(server)
  await stop(server)
  return `ready after ${Math.round(typicalMs)} ms`
}

async function killed () {
  let during = 0
  let left = 0
  for (let i = 0; i < kills; i++) {
    const folder = dataFolder()
    const moment = random(i) * typicalMs
    const victim = start(folder)
    await Promise.race([delay(moment), once(victim.process, 'exit')])
    if (!victim.lines.some(({ msg }) => msg === 'mnist is ready')) during++
    victim.process.kill('SIGKILL')
    await victim.exit
    left += checkFolder(folder)
    const server = await ready(start(folder))
    await checkServed(server)
    await stop(server)
    if (checkFolder(folder) > 0) throw new Error(`temporary files stay after the start that followed the kill at ${Math.round(moment)} ms: ${leftovers(folder)}`)
  }
  return `${during} before it was ready, ${left} temporary files left and removed, 0 wrong bytes`
}

async function four () {
  mirror.requests.length = 0
  const folder = dataFolder()
  const servers = await Promise.all(Array.from({ length: 4 }, () => ready(start(folder))))
  for (const server of servers) await checkServed(server)
  const prepared = servers.filter(({ lines }) => lines.some(({ msg }) => msg === 'prepared')).length
  const downloads = mirror.requests.length
  for (const server of servers) await stop(server)
  if (prepared !== 1) throw new Error(`prepared ${prepared} times`)
  if ([...mirror.requests].sort().join() !== idxNames.map(name => `${name}.gz`).sort().join()) throw new Error(`the mirror was asked for ${mirror.requests}`)
  return `${downloads} downloads of ${idxNames.length} files, prepared once, all serve the same`
}

async function smallDisk () {
  const folder = dataFolder('size=20m')
  const warnings = []
  for (let i = 0; i < 2; i++) {
    const server = await ready(start(folder))
    await checkServed(server)
    warnings.push(...server.lines.filter(({ level }) => level === 40).map(({ msg }) => msg))
    await stop(server)
  }
  if (!warnings.some(message => message.includes('ENOSPC'))) throw new Error(`no warning names the full disk: ${warnings}`)
  if (checkFolder(folder) > 0) throw new Error(`left behind: ${leftovers(folder)}`)
  return `served from memory, with: ${warnings[0]}`
}

async function readOnly () {
  const folder = dataFolder('ro')
  const server = await ready(start(folder))
  await checkServed(server)
  await stop(server)
  const warnings = server.lines.filter(({ level }) => level === 40).map(({ msg }) => msg)
  if (!warnings.some(message => message.includes('EROFS'))) throw new Error(`no warning names the disk: ${warnings}`)
  return `served from memory, with: ${warnings[0]}`
}

/** From 0 up to 1, by a seed, so that a run can be repeated. */
function random (i) {
  return createHash('sha256').update(`${seed}/${i}`).digest().readUInt32LE() / 2 ** 32
}

function dataFolder (mount) {
  const path = mkdtempSync(join(tmpdir(), 'crashes-'))
  folders.push({ path, mounted: mount !== undefined })
  if (mount !== undefined) {
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', mount, 'tmpfs', path], { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr.trim())
  }
  return path
}

function start (folder) {
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env.PATH, PORT: '0', DATA_DIR: folder, ...settings },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  running.add(child)
  const lines = []
  createInterface({ input: child.stdout }).on('line', text => lines.push(JSON.parse(text)))
  return { process: child, lines, exit: once(child, 'exit').finally(() => running.delete(child)) }
}

async function ready (server) {
  const deadline = performance.now() + WAIT_MS
  while (!server.lines.some(({ msg }) => msg === 'mnist is ready')) {
    const failure = server.lines.find(({ level }) => level >= 50)
    if (failure || performance.now() > deadline) throw new Error(failure?.msg ?? `not ready after ${WAIT_MS} ms`)
    await delay(10)
  }
  return { ...server, base: server.lines.find(({ msg }) => msg.startsWith('listening on ')).msg.slice('listening on '.length) }
}

async function stop (server) {
  server.process.kill('SIGTERM')
  await server.exit
}

/** Hashes of what is served: every raw and every centered pixel, and the mean. */
async function served ({ base }) {
  const hashes = []
  const dataset = `${base}/v1/datasets/mnist`
  for (const [split, count] of [['train', 48000], ['val', 12000], ['test', 10000]]) {
    for (const normalization of ['raw', 'centered']) {
      for (let page = 0; page * 4096 < count; page++) hashes.push(await hash(`${dataset}/splits/${split}/batches?format=npz&batch_size=4096&normalization=${normalization}&page=${page}`))
    }
  }
  hashes.push(await hash(`${dataset}/mean?format=npy`))
  return hashes.join()
}

async function hash (url) {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url} answers ${response.status}`)
  return createHash('sha256').update(new Uint8Array(await response.arrayBuffer())).digest('hex')
}

async function checkServed (server) {
  if (await served(server) !== expected) throw new Error('wrong bytes are served')
}

/** Every file that is not temporary is what its name says; gives how many are temporary. */
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
      if (createHash('sha256').update(data.subarray(at, at += bytes)).digest('hex') !== sha256) throw new Error(`prepared/${name}: ${array} is damaged`)
    }
  }
  return leftovers(folder).length
}

function leftovers (folder) {
  return ['files', 'prepared'].flatMap(kind => list(folder, kind).filter(name => name.endsWith('.tmp')))
}

function list (folder, kind) {
  const path = join(folder, kind)
  return existsSync(path) ? readdirSync(path) : []
}
