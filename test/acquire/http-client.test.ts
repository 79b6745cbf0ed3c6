import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import t from 'tap'
import { HttpClient } from '../../src/acquire/http-client.ts'

t.test('the HTTP library is loaded by the first request, since most servers send none', async t => {
  const isLoaded = () => Object.keys(createRequire(import.meta.url).cache).some(path => /\bundici\b/.test(path))
  const http = new HttpClient()
  await http.close()
  t.notOk(isLoaded())
  const server = createServer((_request, response) => response.end('x'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const response = await http.get(`http://127.0.0.1:${port}/`, {}, new AbortController().signal)
  t.equal(await response.body.text(), 'x')
  t.ok(isLoaded())
  await http.close()
})
