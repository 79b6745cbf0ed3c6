/** How long one request blocks the event loop, and with it all others, when batches are as large as possible. */
import { once } from 'node:events'
import { get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { longestTurn, observeEventLoop } from '../scripts/lib/event-loop.js'
import { startQuietService } from '../scripts/lib/server.js'
import { withServers } from './alternatives.js'
import { load } from './load.js'
import { alternate } from './rounds.js'

const SPLIT = '/v1/datasets/mnist/splits/train'
const LARGE = `${SPLIT}/batches?batch_size=4096`
const MAX_MS = 20
/** Per kind and round, so that a round is not only the first request. */
const REQUESTS = 4

/** Each is requested with another epoch or page every time. */
const kinds = {
  'order of an epoch': `${SPLIT}/batches?batch_size=1&seed=1&epoch={epoch}`,
  'JSON page of 4096': `${LARGE}&seed=2&epoch={epoch}`,
  'JSON page of 4096, gzip': `${LARGE}&seed=3&epoch={epoch}`,
  ...Object.fromEntries(['safetensors', 'npz', 'arrow'].flatMap(format => [
    [`${format} page of 4096`, `${LARGE}&format=${format}&page={page}`],
    [
      `${format} page of 4096, shuffled, standard, pad=32`,
      `${LARGE}&format=${format}&seed=4&epoch={epoch}&normalization=standard&pad=32`
    ]
  ])),
  'augmented page of 4096': `${LARGE}&format=safetensors&seed=5&epoch={epoch}&augment=rotate:15,elastic:34,noise:10`,
  'NDJSON stream, pages of 4096': `${SPLIT}/stream?batch_size=4096&page=9&seed=6&epoch={epoch}`,
  'Arrow stream, pages of 4096': `${SPLIT}/stream?batch_size=4096&page=6&format=arrow&seed=7&epoch={epoch}`
}

const CONNECTIONS = 32
const concurrent = {
  'shuffled safetensors pages of 4096': { path: `${LARGE}&format=safetensors&seed=1&page={page}`, pages: 11 },
  'JSON pages of 4096': { path: `${LARGE}&page={page}`, pages: 11 }
}

/** The first request of a kind is reported separately, since it includes compilation by the JIT. */
export async function eventLoopDelays ({ rounds, seconds }) {
  return await withServers(async use => {
    const server = await use(startQuietService(observeEventLoop))
    // Work that the server does in the background after it is ready.
    await delay(1000)
    const { first, later } = await measureKinds(server, rounds)
    const concurrently = await alternate(concurrent, rounds, async target => {
      await longestTurn(server.child)
      await load({ base: server.base, ...target }, { seconds, connections: CONNECTIONS })
      return await longestTurn(server.child)
    })
    return [
      ...Object.keys(kinds).flatMap(name => [
        { title: `longest event loop block, ${name}`, unit: 'ms', ours: later[name], max: MAX_MS },
        { title: `longest event loop block, ${name}, first request`, unit: 'ms', ours: [first[name]] }
      ]),
      ...Object.entries(concurrently).map(([name, ours]) => {
        const title = `longest event loop block in ${seconds} s, ${CONNECTIONS} connections, ${name}`
        return { title, unit: 'ms', ours }
      })
    ]
  })
}

async function measureKinds (server, rounds) {
  const first = {}
  const later = Object.fromEntries(Object.keys(kinds).map(name => [name, []]))
  let epoch = 0
  for (let round = 0; round < rounds; round++) {
    for (const [name, template] of Object.entries(kinds)) {
      for (let page = 0; page < REQUESTS; page++) {
        const path = template.replace('{page}', page).replace('{epoch}', () => epoch++)
        const ms = await measureRequest(server, path, name.endsWith('gzip'))
        if (name in first) later[name].push(ms)
        else first[name] = ms
      }
    }
  }
  return { first, later }
}

async function measureRequest ({ base, child }, path, gzip) {
  await longestTurn(child)
  const [response] = await once(get(base + path, { headers: gzip ? { 'accept-encoding': 'gzip' } : {} }), 'response')
  if (response.statusCode !== 200) throw new Error(`${path} responds with ${response.statusCode}`)
  await once(response.resume(), 'end')
  return await longestTurn(child)
}
