/** Keep-alive clients that read pages while the server receives SIGTERM: none may lose a request. */
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { batches } from './client.js'

const CLIENTS = 40
const paths = [
  `${batches}?format=npz`,
  `${batches}?batch_size=512`,
  `${batches}?batch_size=4096&format=npz`,
  `${batches}?batch_size=256&augment=rotate:9&format=npz`,
  `${batches}?batch_size=300&seed=3`,
  '/v1/datasets/mnist/splits/train/samples/3'
]

export const crowdAtShutdown = {
  name: `${CLIENTS} keep-alive clients while the server receives SIGTERM`,
  async run ({ base, stop, child }) {
    const lengths = new Map()
    const lost = []
    let served = 0
    let closing = 0
    let refused = 0

    async function client (number) {
      // A connection of its own, opened again when the server announces its end.
      const pool = new Pool(base, { connections: 1, pipelining: 1 })
      for (let i = number; ; i++) {
        const path = paths[i % paths.length]
        try {
          const { statusCode, headers, body } = await pool.request({ path, method: 'GET' })
          const bytes = await body.arrayBuffer()
          if (statusCode !== 200) throw new Error(`status ${statusCode}`)
          const expected = lengths.get(path) ?? bytes.byteLength
          lengths.set(path, expected)
          if (bytes.byteLength !== expected) throw new Error(`${bytes.byteLength} of ${expected} bytes`)
          served++
          if (headers.connection === 'close') closing++
        } catch (error) {
          // A refused connection lost no request: a client turns to another replica.
          if (error.code === 'ECONNREFUSED') refused++
          else lost.push(`${path}: ${error.code ?? error.message}`)
          break
        }
      }
      await pool.destroy()
    }

    const clients = Array.from({ length: CLIENTS }, (_, number) => client(number))
    await delay(2000)
    const exited = once(child, 'exit')
    const started = performance.now()
    await Promise.all([stop(), exited])
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    await Promise.all(clients)
    const detail = `${served} responses, ${closing} of them with Connection: close, ${refused} clients refused, ` +
      `stopped after ${seconds} s`
    if (lost.length > 0) throw new Error(`${lost.length} of ${CLIENTS} clients lost a request: ${lost[0]}; ${detail}`)
    return detail
  }
}
