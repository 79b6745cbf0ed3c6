/** Cost of MNIST repeated up to ten times. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { freemem } from 'node:os'
import { join } from 'node:path'
import { temporaryFolder } from '../scripts/lib/files.js'
import { idxFolder, idxNames } from '../scripts/lib/mnist.js'
import { residentMiB, startQuietService, startService } from '../scripts/lib/server.js'
import { withServers } from './alternatives.js'
import { load } from './load.js'
import { alternate } from './rounds.js'

const REPEATS = [1, 4, 10]
/** MNIST repeated ten times takes 2.8 GB while it is served, and as much again while another one is prepared. */
const BYTES_PER_REPEAT = 0.6e9

/** Start-up, memory and rates beside those of MNIST itself. */
export async function datasetSizes ({ rounds, seconds }) {
  const repeats = REPEATS.filter(count => count * BYTES_PER_REPEAT < freemem() || skip(count))
  const servers = Object.fromEntries(repeats.map(count => [count, {
    dataFolder: temporaryFolder('bench-repeated'),
    settings: { DATASETS: `repeated-${count}`, SOURCE_DIR: writeRepeated(count), OFFLINE: '1' }
  }]))
  const starts = await alternate(servers, rounds, measureStarts)
  return toRows(repeats, starts, await measureRates(servers, rounds, seconds))
}

/** A folder of datasets, with MNIST's samples repeated `count` times. */
function writeRepeated (count) {
  const folder = temporaryFolder('bench-sources')
  mkdirSync(join(folder, `repeated-${count}`))
  for (const name of idxNames) {
    const original = readFileSync(join(idxFolder, name))
    const header = Buffer.from(original.subarray(0, name.includes('idx3') ? 16 : 8))
    header.writeUInt32BE(header.readUInt32BE(4) * count, 4)
    const samples = new Array(count).fill(original.subarray(header.length))
    writeFileSync(join(folder, `repeated-${count}`, name), Buffer.concat([header, ...samples]))
  }
  return folder
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
    for (const [count, options] of Object.entries(servers)) {
      contenders[count] = { dataset: `repeated-${count}`, ...await use(startQuietService(options)) }
    }
    const measure = query => alternate(contenders, rounds, async ({ base, dataset }) => {
      const path = `/v1/datasets/${dataset}/splits/train/batches?format=safetensors&batch_size=256${query}&page={page}`
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
