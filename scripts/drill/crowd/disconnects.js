/** A connection that requests expensive batches and disconnects; others must not notice, and the work must end. */
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { batches, get, open } from './client.js'

const REQUESTS = 100
/** How long a bystander watches after the client has gone. */
const WATCH_MS = 3000
const MAX_READY_MS = 250
const MAX_CPU_SECONDS = 1

export const crowdOfDisconnects = {
  name: `${REQUESTS} pipelined augmented batches, and a client that disconnects`,
  async run (server) {
    const socket = await open(server.base)
    socket.on('error', () => {})
    const augment = 'rotate:45,shift:8,scale:0.5,elastic:64,noise:64,cutout:16'
    socket.write(Array.from({ length: REQUESTS }, (_, seed) => {
      const query = `batch_size=4096&seed=${seed}&augment=${augment}&pad=32`
      return `GET ${batches}?${query} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br\r\n\r\n`
    }).join(''))
    // Time to begin work; what counts is measured after the client has gone.
    await delay(500)
    socket.destroy()
    await once(socket, 'close')
    const before = server.cpuSeconds()
    let slowest = 0
    for (const end = performance.now() + WATCH_MS; performance.now() < end; await delay(100)) {
      const started = performance.now()
      const { status } = await get(`${server.base}/readyz`)
      if (status !== 200) throw new Error(`/readyz responds with ${status}`)
      slowest = Math.max(slowest, performance.now() - started)
    }
    const used = server.cpuSeconds() - before
    const detail = `/readyz at most ${slowest.toFixed(0)} ms, ${used.toFixed(2)} s of CPU after the client has gone`
    if (slowest > MAX_READY_MS || used > MAX_CPU_SECONDS) throw new Error(detail)
    return detail
  }
}
