/** How long one request keeps all others waiting: the longest turn of the event loop while the largest batches are asked for. */
import { once } from 'node:events'
import { get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { load } from './load.js'
import { inTurns } from './rounds.js'
import { startQuiet } from './server.js'

const SPLIT = '/v1/datasets/mnist/splits/train'
const MOST_MS = 20
/** Of each kind in a round, so that the first of a process is not all that is seen. */
const REQUESTS = 4

/** Each is asked for with another epoch or page each time. */
const kinds = {
  'order of an epoch': `${SPLIT}/batches?batch_size=1&seed=1&epoch={}`,
  'JSON page of 4096': `${SPLIT}/batches?batch_size=4096&seed=2&epoch={}`,
  'JSON page of 4096, gzip': `${SPLIT}/batches?batch_size=4096&seed=3&epoch={}`,
  ...Object.fromEntries(['safetensors', 'npz', 'arrow'].flatMap(format => [
    [`${format} page of 4096`, `${SPLIT}/batches?batch_size=4096&format=${format}&page={}`],
    [`${format} page of 4096, shuffled, standard, pad=32`, `${SPLIT}/batches?batch_size=4096&format=${format}&seed=4&epoch={}&normalization=standard&pad=32`]
  ])),
  'augmented page of 4096': `${SPLIT}/batches?batch_size=4096&format=safetensors&seed=5&epoch={}&augment=rotate:15,elastic:34,noise:10`,
  'NDJSON stream, pages of 4096': `${SPLIT}/stream?batch_size=4096&page=9&seed=6&epoch={}`,
  'Arrow stream, pages of 4096': `${SPLIT}/stream?batch_size=4096&page=6&format=arrow&seed=7&epoch={}`
}

/** Asked for by many at once. */
const CONNECTIONS = 32
const crowds = {
  'shuffled safetensors pages of 4096': { path: `${SPLIT}/batches?batch_size=4096&format=safetensors&seed=1&page={}`, pages: 11 },
  'JSON pages of 4096': { path: `${SPLIT}/batches?batch_size=4096&page={}`, pages: 11 }
}

/** What the first of a process has to learn is told apart. */
export async function longestTurns ({ rounds, seconds }) {
  const server = await startQuiet({ nodeOptions: ['--import', fileURLToPath(new URL('longest-turn.js', import.meta.url))], ipc: true })
  try {
    // What a server does once nobody waits any more.
    await delay(1000)
    const first = {}
    const later = Object.fromEntries(Object.keys(kinds).map(name => [name, []]))
    let number = 0
    for (let round = 0; round < rounds; round++) {
      for (const [name, path] of Object.entries(kinds)) {
        for (let i = 0; i < REQUESTS; i++) {
          const turn = await longestTurn(server, path.replace('{}', path.includes('page={}') ? i : number++), name.endsWith('gzip'))
          if (name in first) later[name].push(turn)
          else first[name] = turn
        }
      }
    }
    const among = await inTurns(crowds, rounds, async target => {
      await ask(server.child)
      await load({ base: server.base, ...target }, { seconds, connections: CONNECTIONS })
      return await ask(server.child)
    })
    return [
      ...Object.keys(kinds).flatMap(name => [
        { title: `longest turn, ${name}`, unit: 'ms', ours: later[name], most: MOST_MS },
        { title: `longest turn, ${name}: the first one`, unit: 'ms', ours: [first[name]] }
      ]),
      ...Object.keys(crowds).map(name => ({ title: `longest turn in ${seconds} s, ${CONNECTIONS} connections, ${name}`, unit: 'ms', ours: among[name] }))
    ]
  } finally {
    await server.stop()
  }
}

async function longestTurn ({ base, child }, path, gzip) {
  await ask(child)
  const [response] = await once(get(base + path, { headers: gzip ? { 'accept-encoding': 'gzip' } : {} }), 'response')
  if (response.statusCode !== 200) throw new Error(`${response.statusCode} from ${path}`)
  await once(response.resume(), 'end')
  return await ask(child)
}

async function ask (child) {
  child.send('longest turn')
  const [turn] = await once(child, 'message')
  return turn
}
