/** The cost as the work grows: larger batches, and MNIST repeated up to ten times. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from './load.js'
import { inTurns } from './rounds.js'
import { residentMiB, startLogging, startQuiet } from './server.js'

const SPLIT = '/v1/datasets/mnist/splits/train/batches?format=safetensors'
const SIZES = [1, 16, 128, 1024, 4096]
const TIMES = [1, 4, 10]
/** Ten times MNIST takes 2.7 GB prepared, and as much again for the preparing process and its files. */
const BYTES_PER_TIME = 0.6e9
const program = 'bench/repeated-server.js'

export async function batchSizes ({ ours, rounds, seconds }) {
  const targets = Object.fromEntries(SIZES.map(size => [size, { base: ours.base, path: `${SPLIT}&batch_size=${size}&page={}`, pages: 8 }]))
  const results = await inTurns(targets, rounds, target => load(target, { seconds }))
  return SIZES.flatMap(size => ['requests/s', 'MB/s'].map(unit => ({ title: `batch size ${size}`, unit, ours: results[size].map(result => result[unit]) })))
}

/** Start-up and memory per repetition beside those of MNIST itself, and the rates of the same pages. */
export async function datasetSizes ({ rounds, seconds }) {
  const times = TIMES.filter(count => count * BYTES_PER_TIME < freemem() || skip(count))
  const folders = Object.fromEntries(times.map(count => [count, mkdtempSync(join(tmpdir(), 'bench-repeated-'))]))
  try {
    for (const count of times) makeFiles(count, folders[count])
    const results = await inTurns(Object.fromEntries(times.map(count => [count, count])), rounds, count => measure(count, folders[count], seconds))
    return rowsOf(times, results)
  } finally {
    for (const folder of Object.values(folders)) rmSync(folder, { recursive: true })
  }
}

function makeFiles (count, folder) {
  const env = { PATH: process.env.PATH, DATA_DIR: folder, REPEAT: String(count), PREPARE_FILES: '1' }
  spawnSync(process.execPath, [fileURLToPath(new URL('repeated-server.js', import.meta.url))], { env, stdio: 'inherit' })
}

async function measure (count, dataFolder, seconds) {
  const settings = { REPEAT: String(count) }
  rmSync(join(dataFolder, 'prepared'), { recursive: true, force: true })
  const cold = await readyAfter()
  const warm = await readyAfter()
  const server = await startQuiet({ program, dataFolder, settings })
  try {
    const rss = residentMiB(server.pid)
    const rate = async query => (await load({ base: server.base, path: `${SPLIT}&batch_size=256${query}&page={}`, pages: 16 }, { seconds }))['requests/s']
    return { cold, warm, rss, natural: await rate(''), shuffled: await rate('&seed=1') }
  } finally {
    await server.stop()
  }

  async function readyAfter () {
    const logging = await startLogging({ program, dataFolder, settings })
    await logging.stop()
    return logging.stages['ready ms']
  }
}

function rowsOf (times, results) {
  const row = (what, unit, name, limits) => times.map(count => {
    const ours = results[count].map(result => result[name])
    if (count === 1) return { title: `MNIST once: ${what}`, unit, ours }
    return { title: `MNIST ${count} times: ${what}`, unit, ours, peer: 'once', theirs: results[1].map(result => result[name]), ...limits(count) }
  })
  return [
    ...row('ready, cold', 'ms', 'cold', count => ({ mostRatio: count })),
    ...row('ready, as prepared before', 'ms', 'warm', count => ({ mostRatio: count })),
    ...row('RSS', 'MiB', 'rss', count => ({ mostRatio: count })),
    ...row('natural page of 256', 'requests/s', 'natural', () => ({ wanted: 0.9 })),
    ...row('shuffled page of 256', 'requests/s', 'shuffled', () => ({ wanted: 0.9 }))
  ]
}

function skip (count) {
  console.error(`SKIPPED MNIST ${count} times: it wants ${Math.round(count * BYTES_PER_TIME / 1e9)} GB of free memory`)
  return false
}
