/**
 * Serves the page that trains in the browser.
 *
 *     npm install && node serve.js
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = import.meta.dirname ?? dirname(fileURLToPath(import.meta.url))
/** Path → folder with its files. */
const folders = {
  '/': here,
  '/client/': join(here, '../../clients/typescript/dist'),
  '/tensorflow/': join(here, 'node_modules/@tensorflow/tfjs/dist'),
  '/wasm/': join(here, 'node_modules/@tensorflow/tfjs-backend-wasm/dist')
}
const types = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' }

/** @returns the address of the page, and `stop` */
export async function servePage (port = 0) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost')
    const [, folder, file] = /^(\/(?:\w+\/)?)([\w.-]*)$/.exec(pathname) ?? []
    const path = folders[folder] && join(folders[folder], file || 'index.html')
    const type = types[extname(path ?? '')]
    const content = type && await readFile(path).catch(() => undefined)
    response.writeHead(content ? 200 : 404, content && { 'content-type': type })
    response.end(content)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    stop () {
      server.close()
      server.closeAllConnections()
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(`the page is at ${(await servePage(8000)).url}`)
