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
/** Ten times MNIST takes 2.8 GB where it is served, and as much while another one is prepared. */
const BYTES_PER_TIME = 0.6e9
const program = 'bench/repeated-server.js'

export async function batchSizes ({ ours, rounds, seconds }) {
  const targets = Object.fromEntries(SIZES.map(size => [size, { base: ours.base, path: `${SPLIT}&batch_size=${size}&page={}`, pages: 8 }]))
  const results = await inTurns(targets, rounds, target => load(target, { seconds }))
  return SIZES.flatMap(size => ['requests/s', 'MB/s'].map(unit => ({ title: `batch size ${size}`, unit, ours: results[size].map(result => result[unit]) })))
}

/** Start-up and memory beside those of MNIST itself, and the rates of pages of the same size. */
export async function datasetSizes ({ rounds, seconds }) {
  const times = TIMES.filter(count => count * BYTES_PER_TIME < freemem() || skip(count))
  const folders = Object.fromEntries(times.map(count => [count, mkdtempSync(join(tmpdir(), 'bench-repeated-'))]))
  try {
    for (const count of times) makeFiles(count, folders[count])
    const contenders = Object.fromEntries(times.map(count => [count, { count, folder: folders[count] }]))
    return rowsOf(times, await inTurns(contenders, rounds, readyAfter), await rates(contenders, rounds, seconds))
  } finally {
    for (const folder of Object.values(folders)) rmSync(folder, { recursive: true })
  }
}

function makeFiles (count, folder) {
  const env = { PATH: process.env.PATH, DATA_DIR: folder, REPEAT: String(count), PREPARE_FILES: '1' }
  spawnSync(process.execPath, [fileURLToPath(new URL('repeated-server.js', import.meta.url))], { env, stdio: 'inherit' })
}

/** Milliseconds until a server is ready that has to prepare, and one that need not, and the memory of the latter. */
async function readyAfter ({ count, folder }) {
  rmSync(join(folder, 'prepared'), { recursive: true, force: true })
  const { ms: cold } = await start()
  const { ms: warm, rss } = await start()
  return { cold, warm, rss }

  async function start () {
    const { stages, pid, stop } = await startLogging({ program, dataFolder: folder, settings: { REPEAT: String(count) } })
    const rss = residentMiB(pid)
    await stop()
    return { ms: stages['ready ms'], rss }
  }
}

/** Rates. All servers are up meanwhile, so that those which are compared follow each other in a few seconds. */
async function rates (contenders, rounds, seconds) {
  const servers = {}
  try {
    for (const [name, { count, folder }] of Object.entries(contenders)) servers[name] = await startQuiet({ program, dataFolder: folder, settings: { REPEAT: String(count) } })
    const rate = query => inTurns(servers, rounds, async ({ base }) => (await load({ base, path: `${SPLIT}&batch_size=256${query}&page={}`, pages: 16 }, { seconds }))['requests/s'])
    return { natural: await rate(''), shuffled: await rate('&seed=1') }
  } finally {
    for (const { stop } of Object.values(servers)) await stop()
  }
}

function rowsOf (times, starts, { natural, shuffled }) {
  const row = (what, unit, valuesOf, limits) => times.map(count => {
    const ours = valuesOf(count)
    if (count === 1) return { title: `MNIST once: ${what}`, unit, ours }
    return { title: `MNIST ${count} times: ${what}`, unit, ours, peer: 'once', theirs: valuesOf(1), ...limits(count) }
  })
  const started = name => count => starts[count].map(result => result[name])
  return [
    ...row('ready, cold', 'ms', started('cold'), count => ({ mostRatio: count })),
    ...row('ready, as prepared before', 'ms', started('warm'), count => ({ mostRatio: count })),
    ...row('RSS', 'MiB', started('rss'), count => ({ mostRatio: count })),
    ...row('natural page of 256', 'requests/s', count => natural[count], () => ({ wanted: 0.9 })),
    ...row('shuffled page of 256', 'requests/s', count => shuffled[count], () => ({ wanted: 0.9 }))
  ]
}

function skip (count) {
  console.error(`SKIPPED MNIST ${count} times: it wants ${Math.round(count * BYTES_PER_TIME / 1e9)} GB of free memory`)
  return false
}
