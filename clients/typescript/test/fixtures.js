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

export async function collectIds (epochs) {
  const ids = []
  for await (const batch of epochs) ids.push(...batch.ids.data)
  return ids
}
