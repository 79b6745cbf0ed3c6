import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer } from 'node:net'

/** Listens on a free port of the loopback interface until the test ends. */
async function listen (t, server) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => new Promise(resolve => {
    server.close(resolve)
    server.closeAllConnections?.()
  }))
  return `http://127.0.0.1:${server.address().port}`
}

/** An HTTP server with these handlers, one for each request in turn; the last one stays. */
export async function stub (t, ...handlers) {
  let requests = 0
  const server = createHttpServer((request, response) => {
    handlers[Math.min(requests++, handlers.length - 1)](request, response)
  })
  return { url: await listen(t, server), requests: () => requests }
}

/**
 * A stable address in front of a server that may be replaced.
 *
 * @param target the base of the server, or of none
 * @param limit bytes after which a connection is reset, by its number
 */
export async function proxy (t, target, limit = () => Infinity) {
  const sockets = new Set()
  let connections = 0
  const server = createServer(client => {
    const address = target()
    if (!address) return client.resetAndDestroy()
    const upstream = connect(Number(new URL(address).port), '127.0.0.1')
    const bytes = limit(connections++)
    let sent = 0
    upstream.on('data', chunk => {
      sent += chunk.length
      if (sent > bytes) client.resetAndDestroy()
      else client.write(chunk)
    })
    for (const [socket, other] of [[client, upstream], [upstream, client]]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    client.pipe(upstream)
  })
  t.after(() => { for (const socket of sockets) socket.destroy() })
  return { url: await listen(t, server), connections: () => connections }
}

/** Numbers below a limit, the same in every run of a test. */
export function createRandom (seed) {
  let state = seed
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor(state / 2 ** 32 * below)
  }
}

/** The ids of one iteration, which is one epoch. */
export async function collectIds (epochs) {
  const ids = []
  for await (const batch of epochs) ids.push(...batch.ids.data)
  return ids
}

/**
 * Replaces timers and `performance.now`, so that pauses take no time.
 *
 * @returns the time in milliseconds, and those of all timers that have fired
 */
export function virtualClock (t) {
  const timers = new Map()
  const fired = []
  let now = 0
  let count = 0
  t.mock.method(performance, 'now', () => now)
  t.mock.method(globalThis, 'setTimeout', (callback, ms) => {
    timers.set(++count, { at: now + ms, ms, callback })
    setImmediate(fireNext)
    return count
  })
  t.mock.method(globalThis, 'clearTimeout', id => { timers.delete(id) })
  // Everything else that can happen does so before the next timer.
  function fireNext () {
    const [id, timer] = [...timers].sort(([, a], [, b]) => a.at - b.at)[0] ?? []
    if (!timer) return
    timers.delete(id)
    now = Math.max(now, timer.at)
    fired.push(timer.ms)
    timer.callback()
    if (timers.size > 0) setImmediate(fireNext)
  }
  return { now: () => now, fired }
}

export const description = { dataset: 'made-up', version: '0123456789abcdef', splits: { train: 4, val: 0, test: 0 } }

/** Four samples of one pixel. */
export function safetensors () {
  const header = JSON.stringify({
    images: { dtype: 'U8', shape: [4, 1], data_offsets: [0, 4] },
    labels: { dtype: 'I64', shape: [4], data_offsets: [4, 36] },
    ids: { dtype: 'I32', shape: [4], data_offsets: [36, 52] }
  })
  const body = Buffer.alloc(8 + header.length + 52)
  body.writeBigUInt64LE(BigInt(header.length))
  body.write(header, 8)
  for (let i = 0; i < 4; i++) body.writeInt32LE(i, 8 + header.length + 36 + 4 * i)
  return body
}

/** The error of a `fetch` that fails in Node.js. */
export function refuse (code = 'ECONNREFUSED') {
  return new TypeError('fetch failed', { cause: Object.assign(new Error('a reason'), { code }) })
}
