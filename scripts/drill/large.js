/**
 * Prepares and serves a made-up dataset of the size of `emnist-byclass`, the largest of the catalogue, within the
 * memory that docker-compose.yml allows, and compares pages with those that NumPy computes. Requires a memory cgroup,
 * which root can create, 6 GB of memory, and the Python packages numpy and safetensors; skipped without these.
 *
 *     npm run drill -- large
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { createMemoryCgroup } from '../lib/cgroup.js'
import { check, expect, requirePrograms, run, skipAll } from '../lib/checks.js'
import { temporaryFolder } from '../lib/files.js'
import { idxFolder, idxNames } from '../lib/mnist.js'
import { residentMiB, startService } from '../lib/server.js'

const COUNTS = { train: 697_932, t10k: 116_323 }
const CLASSES = 62
/** The default of MEMORY_LIMIT in docker-compose.yml. */
const LIMIT_MIB = 1536
const DATASET = 'large'
const reference = fileURLToPath(new URL('../../test/clients/large.py', import.meta.url))

requirePrograms('python3')
if (spawnSync('python3', ['-c', 'import numpy, safetensors']).status !== 0) {
  skipAll('the packages numpy and safetensors are not installed. Nothing was tested.')
}
const limited = createCgroup()
const sources = temporaryFolder('sources')
const uncompressed = temporaryFolder('uncompressed')
writeDataset()
const options = {
  dataFolder: temporaryFolder('large'),
  settings: { DATASETS: DATASET, SOURCE_DIR: sources, OFFLINE: '1' },
  wrap: limited.wrap
}
let anonymousMiB = 0
const sampling = setInterval(() => { anonymousMiB = Math.max(anonymousMiB, limited.anonymousMiB()) }, 50)
try {
  await run('prepares within the limit', () => serve(async () => ''))
  await run('restores, and serves the bytes that NumPy computes', () => serve(comparePages))
  check('no process is killed for its memory', limited.kills() === 0,
    `peak ${limited.peakMiB()} of ${LIMIT_MIB} MiB, ${anonymousMiB} without the page cache`)
} finally {
  clearInterval(sampling)
  limited.remove()
}

function createCgroup () {
  try {
    return createMemoryCgroup(`large-${process.pid}`, LIMIT_MIB * 2 ** 20)
  } catch (error) {
    skipAll(`no memory cgroup: ${error.message}. Nothing was tested.`)
  }
}

/** MNIST again and again, each time with other levels and labels, so that no two samples are equal. */
function writeDataset () {
  mkdirSync(join(sources, DATASET))
  for (const name of idxNames) {
    const original = readFileSync(join(idxFolder, name))
    const isImages = name.includes('idx3')
    const header = Buffer.from(original.subarray(0, isImages ? 16 : 8))
    const values = original.subarray(header.length)
    const count = COUNTS[name.split('-')[0]]
    header.writeUInt32BE(count, 4)
    const written = Buffer.alloc(count * (isImages ? 28 * 28 : 1))
    for (let at = 0, repeat = 0; at < written.length; at += values.length, repeat++) {
      const part = written.subarray(at, at + values.length)
      part.forEach((_, i) => { part[i] = isImages ? values[i] + repeat : (values[i] + 10 * repeat) % CLASSES })
    }
    const file = Buffer.concat([header, written])
    writeFileSync(join(uncompressed, name), file)
    writeFileSync(join(sources, DATASET, `${name}.gz`), gzipSync(file, { level: 1 }))
  }
}

async function serve (use) {
  const { base, pid, stages, stop } = await startService(options)
  try {
    const atRest = residentMiB(pid)
    const result = await use(base)
    return [`ready after ${stages['ready ms']} ms`, `${atRest} MiB at rest`, result].filter(Boolean).join(', ')
  } finally {
    await stop()
  }
}

async function comparePages (base) {
  const python = spawn('python3', [reference, base, DATASET, uncompressed], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let output = ''
  python.stdout.on('data', part => { output += part })
  const [code] = await once(python, 'close')
  expect(code === 0, `the program ended with ${code}: ${output}`)
  return output.trim()
}
