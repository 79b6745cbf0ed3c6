/** The load of the soak test, in a process of its own: requests of every kind, over connections of every kind. */
import { createHash } from 'node:crypto'
import { Agent, request } from 'node:http'
import { once } from 'node:events'
import { requestsFor, pages } from '../turns/requests.js'

const base = process.argv[2]
const SPLIT = '/v1/datasets/mnist/splits/train'
const KEEP_ALIVE_CLIENTS = 12
/** Clients that open a connection for each request. */
const SHORT_LIVED_CLIENTS = 4
/** Of each kind, so many responses are fetched in the beginning and compared with later ones. */
const VARIANTS = 2
const COMPARED_SHARE = 0.05
const ABORTED_SHARE = 0.02
/** Bodies whose bytes are not the same every time: states, and documents with times. */
const CHANGING = ['/readyz', '/metrics']

const ofSize = batchSize => requestsFor({ name: 'mnist', train: 60_000, batchSize })
const kinds = [
  ...ofSize(256),
  ...ofSize(4096).filter(({ title }) => /augmented|stream/.test(title)),
  ...pages,
  { title: 'metrics', path: '/metrics', coding: 'identity' },
  { title: 'HEAD', path: `${SPLIT}/batches?seed={n}`, coding: 'gzip', method: 'HEAD' },
  { title: '304', path: `${SPLIT}/batches?seed={n}`, coding: 'br', headers: { 'if-none-match': '*' }, status: 304 },
  { title: 'file', path: '/v1/datasets/mnist/files/t10k-images-idx3-ubyte', coding: 'identity' },
  {
    title: 'range of a file',
    path: '/v1/datasets/mnist/files/t10k-images-idx3-ubyte.gz',
    coding: 'identity',
    headers: { range: 'bytes=1000-1999' },
    status: 206
  },
  { title: '400', path: `${SPLIT}/batches?batch_size={n}x`, coding: 'gzip', status: 400 },
  { title: '404', path: '/v1/datasets/none-{n}', coding: 'gzip', status: 404 },
  { title: '405', path: SPLIT, coding: 'gzip', method: 'DELETE', status: 405 },
  { title: '406', path: `${SPLIT}/batches`, coding: 'gzip', headers: { accept: 'text/html' }, status: 406 }
]

const digests = new Map()
const counts = {}
let checked = 0
let number = VARIANTS
const state = { isRunning: false }
const clients = []

process.on('message', async ({ name, value }) => {
  const answer = await commands[name](value)
  process.send(answer, () => { if (name === 'end') process.disconnect() })
})

const commands = {
  async begin () {
    const agent = new Agent({ keepAlive: true })
    for (const kind of kinds.filter(({ path }) => !CHANGING.includes(path))) {
      for (let n = 0; n < VARIANTS; n++) {
        const { coding, digest } = await send(kind, n, agent)
        digests.set(keyOf(kind, n, coding), digest)
      }
    }
    agent.destroy()
    state.isRunning = true
    for (let i = 0; i < KEEP_ALIVE_CLIENTS; i++) clients.push(run(new Agent({ keepAlive: true, maxSockets: 1 })))
    for (let i = 0; i < SHORT_LIVED_CLIENTS; i++) clients.push(run(false))
    return {}
  },

  /** Connections that are all open at the same time, each with one request. */
  async crowd (connections) {
    const agent = new Agent({ keepAlive: true })
    const kind = { path: `${SPLIT}/batches?batch_size=64&format=safetensors&seed={n}`, coding: 'identity' }
    await Promise.all(Array.from({ length: connections }, (_, n) => send(kind, n % 50, agent)))
    agent.destroy()
    return {}
  },

  async end () {
    state.isRunning = false
    await Promise.all(clients)
    return { counts, checked }
  }
}

async function run (agent) {
  while (state.isRunning) {
    const kind = kinds[Math.floor(Math.random() * kinds.length)]
    const isCompared = Math.random() < COMPARED_SHARE
    const isAborted = !isCompared && Math.random() < ABORTED_SHARE
    const n = isCompared ? Math.floor(Math.random() * VARIANTS) : number++
    const { outcome, coding, digest } = await send(kind, n, agent, isAborted)
    counts[outcome] = (counts[outcome] ?? 0) + 1
    const expected = digests.get(keyOf(kind, n, coding))
    if (!isCompared || expected === undefined || digest === undefined) continue
    if (digest !== expected) throw new Error(`other bytes than in the beginning: ${kind.title}, ${n}`)
    checked++
  }
  if (agent) agent.destroy()
}

/** With the coding of the response: a stream is not compressed while others have all memory for compressors. */
function keyOf ({ title, path }, n, coding) {
  return `${title} ${path} ${n} ${coding}`
}

/** Sends one request, and reads its response or, if it is aborted, the beginning of it. */
async function send (kind, n, agent, isAborted) {
  const { title, path, coding, body, method = body ? 'POST' : 'GET', headers, status = 200 } = kind
  const sent = request(base + path.replaceAll('{n}', n), {
    agent,
    method,
    headers: { 'accept-encoding': coding, ...(body && { 'content-type': 'application/json' }), ...headers }
  })
  sent.end(body)
  const [response] = await once(sent, 'response')
  if (response.statusCode === 503 && response.headers['retry-after']) {
    response.resume()
    await once(response, 'end')
    return { outcome: 503 }
  }
  if (response.statusCode !== status) throw new Error(`${title} responds with ${response.statusCode}: ${path}, ${n}`)
  if (isAborted) {
    sent.destroy()
    return { outcome: 'aborted' }
  }
  const hash = createHash('sha256')
  for await (const chunk of response) hash.update(chunk)
  return { outcome: status, coding: response.headers['content-encoding'], digest: hash.digest('hex') }
}
