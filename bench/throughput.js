/**
 * Pages and answers per second, beside static files and beside FastAPI. Rates swing more than all else, so they are taken in
 * twice as many rounds, and one.
 */
import { load } from './load.js'
import { inTurns } from './rounds.js'

const SPLIT = '/v1/datasets/mnist/splits/train/batches?batch_size=256'
/** Different pages that are asked for in turn: static files as many, so that both sides go through the same memory. */
const PAGES = 16

export const pages = {
  natural: { path: `${SPLIT}&format=safetensors&page={}`, pages: PAGES },
  shuffled: { path: `${SPLIT}&format=safetensors&seed=1&epoch=0&page={}`, pages: PAGES },
  epochs: { path: `${SPLIT}&format=safetensors&seed=1&epoch={epoch}&page={}`, pages: 187 },
  raw: { path: `${SPLIT}&format=safetensors&normalization=raw&page={}`, pages: PAGES },
  json: { path: `${SPLIT}&format=json&page={}`, pages: PAGES }
}

/** What is compared: a page of ours, the peers' own paths to it, and the ratios that are wanted. */
export const throughputRows = {
  natural: { title: 'natural float32 page of 256', page: pages.natural, wanted: { nginx: 0.9, FastAPI: 5 }, fastapi: { FastAPI: '/bytes?batch_size=256&page={}' } },
  shuffled: { title: 'shuffled float32 page of 256', page: pages.shuffled, wanted: { nginx: 0.6 } },
  epochs: { title: 'shuffled float32 page of 256, each asked for once', page: pages.epochs, wanted: {} },
  raw: { title: 'raw u8 page of 256', page: pages.raw, wanted: { nginx: 0.8 } },
  json: {
    title: 'JSON page of 256',
    page: pages.json,
    wanted: { nginx: 0.4, 'FastAPI, orjson of tolist': 10 },
    fastapi: { 'FastAPI, orjson of tolist': '/json?batch_size=256&page={}', 'FastAPI, orjson of NumPy': '/json-numpy?batch_size=256&page={}' }
  }
}

/** One table row a peer. */
export async function throughput (name, { ours, nginx, fastapi, rounds, seconds }) {
  const { title, page, wanted, fastapi: paths = {} } = throughputRows[name]
  const contenders = { ours: { base: ours.base, ...page } }
  if (nginx) contenders.nginx = { base: nginx.base, path: `/${name}-{}`, pages: page.pages }
  if (fastapi) for (const [peer, path] of Object.entries(paths)) contenders[peer] = { base: fastapi.base, path, pages: page.pages }
  const results = await inTurns(contenders, 2 * rounds + 1, async target => (await load(target, { seconds }))['requests/s'])
  return compare(title, 'requests/s', results, wanted)
}

/** Answers to who has the page already, beside a route that answers with nothing. */
export async function notModified ({ ours, bare, rounds, seconds }) {
  const path = pages.natural.path.replace('{}', '0')
  const { headers } = await fetch(ours.base + path, { method: 'HEAD' })
  // The same request to both: its length is work of its own, for the client, too.
  const asked = { path, headers: { 'If-None-Match': headers.get('etag') } }
  const contenders = { ours: { base: ours.base, ...asked }, 'bare Fastify': { base: bare.base, ...asked } }
  const results = await inTurns(contenders, 2 * rounds + 1, async target => (await load(target, { seconds }))['requests/s'])
  return compare('304', 'requests/s', results, { 'bare Fastify': 0.7 })
}

/** The bodies of our pages under the names that the static files have. */
export async function staticFiles (base, names) {
  const files = {}
  for (const name of names) {
    const { path, pages: count } = pages[name]
    for (let page = 0; page < count; page++) {
      const response = await fetch(base + path.replace('{}', page).replace('{epoch}', 0))
      files[`${name}-${page}`] = Buffer.from(await response.arrayBuffer())
    }
  }
  return files
}

/** Rows of ours beside each peer; `wanted` are the least ratios. */
export function compare (title, unit, { ours, ...peers }, wanted) {
  return Object.entries(peers).map(([peer, theirs]) => ({ title, unit, ours, peer, theirs, wanted: wanted[peer] }))
}
