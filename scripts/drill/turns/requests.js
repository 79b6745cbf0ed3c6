/** Requests that might block the event loop: every format, content coding and kind of expensive work. */
import { once } from 'node:events'
import { request } from 'node:http'
import zlib from 'node:zlib'

const formats = ['json', 'npz', 'safetensors', 'arrow']
const codings = ['identity', 'gzip', 'br', ...(zlib.zstdCompressSync ? ['zstd'] : [])]
const ALL_AUGMENTATIONS = 'rotate:15,shift:2,scale:0.1,elastic:34,noise:10,cutout:8'

const variants = {
  '': '',
  ', shuffled standard': '&seed={n}&normalization=standard',
  ', raw': '&normalization=raw&epoch={n}&seed=2',
  ', float16 nchw': '&dtype=float16&layout=nchw&epoch={n}&seed=3',
  ', augmented': `&augment=${ALL_AUGMENTATIONS}&seed={n}`
}

/** `{n}` becomes another number in each request, so that none repeats a cached one. */
export function requestsFor ({ name, train, batchSize }) {
  const dataset = `/v1/datasets/${name}`
  const split = `${dataset}/splits/train`
  // A fifth of the samples is for validation.
  const lastPages = Math.ceil(train * 0.8 / batchSize) - 2
  const batches = formats.flatMap(format => inCodings(Object.entries(variants).map(([title, query]) => ({
    title: `${format}${title}`,
    path: `${split}/batches?format=${format}&batch_size=${batchSize}${query}`
  }))))
  const streams = inCodings(['ndjson', 'arrow'].map(format => ({
    title: `${format} stream`,
    path: `${split}/stream?format=${format}&batch_size=${batchSize}&seed=4&epoch={n}&page=${lastPages}`
  })))
  const others = {
    'order of an epoch': `${split}/batches?batch_size=1&seed=1&epoch={n}&format=npz`,
    'sample as JSON': `${split}/samples/3?format=json&augment=${ALL_AUGMENTATIONS}&epoch={n}`,
    'sample as PNG': `${split}/samples/3?format=png&augment=${ALL_AUGMENTATIONS}&epoch={n}`,
    thumbnails: `${split}/thumbnails?batch_size=${Math.min(batchSize, 1024)}&seed={n}`,
    'augmented thumbnails': `${split}/thumbnails?batch_size=${batchSize}&augment=${ALL_AUGMENTATIONS}&epoch={n}`,
    'labels as JSON': `${split}/labels?format=json`,
    'labels as NPY': `${split}/labels?format=npy`,
    'class statistics': `${split}/statistics`,
    'mean as JSON': `${dataset}/mean?format=json`,
    'mean as NPY': `${dataset}/mean?format=npy`,
    'mean as PNG': `${dataset}/mean?format=png`,
    description: dataset,
    split
  }
  return [
    ...batches,
    ...streams,
    ...inCodings(Object.entries(others).map(([title, path]) => ({ title, path }))),
    {
      title: 'gathered samples',
      path: `${split}/gather?normalization=standard&format=safetensors`,
      coding: 'identity',
      body: JSON.stringify({ ids: Array.from({ length: batchSize }, (_, i) => (i * 7) % batchSize) })
    }
  ]
}

/** Requests of the application itself. */
export const pages = inCodings(['/', '/docs/', '/docs/yaml', '/openapi.json', '/readyz', '/v1/datasets'].map(path => {
  return { title: path, path }
}))

function inCodings (kinds) {
  return kinds.flatMap(kind => codings.map(coding => ({ ...kind, title: `${kind.title} as ${coding}`, coding })))
}

/** Reads a response to its end. */
export async function send (base, { path, coding, body }) {
  const headers = { 'accept-encoding': coding, ...(body && { 'content-type': 'application/json' }) }
  const sent = request(base + path, { method: body ? 'POST' : 'GET', headers })
  const [response] = await once(sent.end(body), 'response')
  let bytes = 0
  response.on('data', chunk => { bytes += chunk.length })
  await once(response, 'end')
  if (response.statusCode !== 200) throw new Error(`${path} responds with ${response.statusCode}`)
  return bytes
}
