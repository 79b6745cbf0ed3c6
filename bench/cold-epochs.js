/**
 * Cold epochs: a training run requests each page once, so no URL is requested twice in the lifetime of a server. nginx
 * serves the files of one epoch in the same order; it opens each file anew, since its open_file_cache is off.
 */
import { startQuietService } from '../scripts/lib/server.js'
import { hasProgram, startNginx, withServers } from './alternatives.js'
import { load } from './load.js'
import { compare } from './report.js'
import { alternate } from './rounds.js'

/** Of the 48,000 training samples; the last page has 128. */
const PAGES = 188
const BATCHES = '/v1/datasets/mnist/splits/train/batches?batch_size=256&format=safetensors'

/**
 * Pages in natural order are the same in every epoch. What makes their URLs new is the number of ranks: in epoch e,
 * e + 1 ranks share the same 188 pages and take turns.
 */
const SHARDED = `${BATCHES}&page={page}&rank={rank}&world_size={world_size}`

const epochs = {
  natural: { title: 'cold epoch, natural float32 pages of 256', path: SHARDED },
  shuffled: { title: 'cold epoch, shuffled float32 pages of 256', path: `${BATCHES}&seed=1&epoch={epoch}&page={page}` },
  raw: { title: 'cold epoch, raw u8 pages of 256', path: `${SHARDED}&normalization=raw` }
}

/** Rates are noisy, so there are more rounds of them. The first one warms up both servers and is not counted. */
export async function coldEpoch (name, { rounds, seconds }) {
  const { title, path } = epochs[name]
  return await withServers(async use => {
    const service = await use(startQuietService())
    const contenders = { ours: { base: service.base, path, pages: PAGES, firstEpoch: 1 } }
    if (hasProgram('nginx', 'nginx-light')) {
      const { base } = await use(startNginx(await fetchEpoch(service.base, path), { openFileCache: false }))
      // nginx ignores the query.
      contenders.nginx = { base, path: '/{page}?epoch={epoch}', pages: PAGES, firstEpoch: 1 }
    }
    const results = await alternate(contenders, 2 * rounds + 2, async target => {
      const result = await load(target, { seconds })
      target.firstEpoch += result.epochs
      return result
    })
    for (const name in results) results[name].shift()
    return compare(title, 'pages/s', results)
  })
}

/** Epoch 0, which is not measured: file name → bytes. */
async function fetchEpoch (base, path) {
  const files = {}
  for (let page = 0; page < PAGES; page++) {
    const values = { page, epoch: 0, rank: 0, world_size: 1 }
    const response = await fetch(base + path.replaceAll(/\{(\w+)\}/g, (_, name) => values[name]))
    if (!response.ok) throw new Error(`${response.url} responds with ${response.status}`)
    files[page] = Buffer.from(await response.arrayBuffer())
  }
  return files
}
