/**
 * Cold epochs: a training run requests each page once, so no URL is requested twice in the lifetime of a server. nginx
 * serves the files of one epoch in the same order; it opens each file anew, since its open_file_cache is off.
 */
import { fetchBytes } from '../scripts/lib/fetch.js'
import { startQuietService } from '../scripts/lib/server.js'
import { hasProgram, startNginx, withServers } from './alternatives.js'
import { load } from './load.js'
import { compare } from './report.js'
import { alternate } from './rounds.js'

const SAMPLES = 48_000
const BATCHES = '/v1/datasets/mnist/splits/train/batches?format=safetensors&batch_size='

/**
 * Pages in natural order are the same in every epoch. What makes their URLs new is the number of ranks: in epoch e,
 * e + 1 ranks share the same pages and take turns.
 */
const SHARDED = '&page={page}&rank={rank}&world_size={world_size}'
const SHUFFLED = '&page={page}&seed=1&epoch={epoch}'

/** The smallest accepted ratios are for pages of 256. */
const epochs = {
  natural: { title: 'natural float32', query: SHARDED, minRatio: 0.9 },
  shuffled: { title: 'shuffled float32', query: SHUFFLED, minRatio: 0.75 },
  raw: { title: 'shuffled raw u8', query: `${SHUFFLED}&normalization=raw`, minRatio: 0.7 }
}

/** Rates are noisy, so there are more rounds of them. The first one warms up both servers and is not counted. */
export async function coldEpoch (name, batchSize, { rounds, seconds }) {
  const { title, query, minRatio } = epochs[name]
  const path = `${BATCHES}${batchSize}${query}`
  const pages = Math.ceil(SAMPLES / batchSize)
  return await withServers(async use => {
    const service = await use(startQuietService())
    const contenders = { ours: { base: service.base, path, pages, firstEpoch: 1 } }
    if (hasProgram('nginx', 'nginx-light')) {
      const { base } = await use(startNginx(await fetchEpoch(service.base, path, pages), { openFileCache: false }))
      // nginx ignores the query.
      contenders.nginx = { base, path: '/{page}?epoch={epoch}', pages, firstEpoch: 1 }
    }
    const results = await alternate(contenders, 2 * rounds + 2, async target => {
      const result = await load(target, { seconds })
      target.firstEpoch += result.epochs
      return result
    })
    for (const name in results) results[name].shift()
    const bounds = batchSize === 256 ? { nginx: minRatio } : {}
    return compare(`cold epoch, ${title} pages of ${batchSize}`, 'pages/s', results, bounds)
  })
}

/** Epoch 0, which is not measured: file name → bytes. */
async function fetchEpoch (base, path, pages) {
  const files = {}
  for (let page = 0; page < pages; page++) {
    const values = { page, epoch: 0, rank: 0, world_size: 1 }
    files[page] = await fetchBytes(base + path.replaceAll(/\{(\w+)\}/g, (_, name) => values[name]))
  }
  return files
}
