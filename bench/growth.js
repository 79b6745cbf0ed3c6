/** Cost of MNIST repeated up to ten times. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import { residentMiB, startQuietService, startService } from '../scripts/lib/server.js'
import { programPath, withServers } from './alternatives.js'
import { load } from './load.js'
import { alternate } from './rounds.js'

const SPLIT = '/v1/datasets/mnist/splits/train/batches?format=safetensors'
const REPEATS = [1, 4, 10]
/** MNIST repeated ten times takes 2.8 GB while it is served, and as much again while another one is prepared. */
const BYTES_PER_REPEAT = 0.6e9
const program = 'bench/programs/repeated-server.js'

/** Start-up, memory and rates beside those of MNIST itself. */
export async function datasetSizes ({ rounds, seconds }) {
  const repeats = REPEATS.filter(count => count * BYTES_PER_REPEAT < freemem() || skip(count))
  const servers = Object.fromEntries(repeats.map(count => {
    const dataFolder = mkdtempSync(join(tmpdir(), 'bench-repeated-'))
    return [count, { program, dataFolder, settings: { REPEAT: String(count) } }]
  }))
  try {
    for (const count of repeats) writeFiles(servers[count])
    const starts = await alternate(servers, rounds, measureStarts)
    return toRows(repeats, starts, await measureRates(servers, rounds, seconds))
  } finally {
    for (const { dataFolder } of Object.values(servers)) rmSync(dataFolder, { recursive: true })
  }
}

function writeFiles ({ dataFolder, settings }) {
  const env = { PATH: process.env.PATH, DATA_DIR: dataFolder, ...settings, WRITE_FILES: '1' }
  const { status } = spawnSync(process.execPath, [programPath('repeated-server.js')], { env, stdio: 'inherit' })
  if (status !== 0) throw new Error('the repeated files could not be written')
}

/** Milliseconds until ready without and with a prepared dataset, and the memory after the latter. */
async function measureStarts (options) {
  rmSync(join(options.dataFolder, 'prepared'), { recursive: true, force: true })
  const { ms: cold } = await measureStart(options)
  const { ms: warm, rss } = await measureStart(options)
  return { cold, warm, rss }
}

async function measureStart (options) {
  const { stages, pid, stop } = await startService(options)
  const rss = residentMiB(pid)
  await stop()
  return { ms: stages['ready ms'], rss }
}

/** All servers run at the same time, so that compared measurements are only seconds apart. */
async function measureRates (servers, rounds, seconds) {
  return await withServers(async use => {
    const contenders = {}
    for (const [count, options] of Object.entries(servers)) contenders[count] = await use(startQuietService(options))
    const measure = query => alternate(contenders, rounds, async ({ base }) => {
      const path = `${SPLIT}&batch_size=256${query}&page={page}`
      return (await load({ base, path, pages: 16 }, { seconds }))['requests/s']
    })
    return { natural: await measure(''), shuffled: await measure('&seed=1') }
  })
}

function toRows (repeats, starts, { natural, shuffled }) {
  const rows = (what, unit, values, bound) => repeats.map(count => {
    if (count === 1) return { title: `MNIST, ${what}`, unit, ours: values(1) }
    const title = `MNIST repeated ${count} times, ${what}`
    return { title, unit, ours: values(count), alternative: 'MNIST', theirs: values(1), ...bound(count) }
  })
  const start = name => count => starts[count].map(result => result[name])
  const atMostProportional = count => ({ maxRatio: count })
  const atLeast = () => ({ minRatio: 0.9 })
  return [
    ...rows('cold start until ready', 'ms', start('cold'), atMostProportional),
    ...rows('warm start until ready', 'ms', start('warm'), atMostProportional),
    ...rows('RSS', 'MiB', start('rss'), atMostProportional),
    ...rows('repeated URLs, natural pages of 256', 'pages/s', count => natural[count], atLeast),
    ...rows('repeated URLs, shuffled pages of 256', 'pages/s', count => shuffled[count], atLeast)
  ]
}

function skip (count) {
  const gigabytes = Math.round(count * BYTES_PER_REPEAT / 1e9)
  console.error(`SKIPPED MNIST repeated ${count} times: it needs ${gigabytes} GB of free memory`)
  return false
}
