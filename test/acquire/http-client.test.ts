import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import t, { type Test } from 'tap'
import { defaultRetryPolicy, HttpClient } from '../../src/acquire/http-client.ts'

async function listen (t: Test): Promise<string> {
  const server = createServer((_request, response) => response.end('x'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

const { signal } = new AbortController()

t.test('the HTTP library is loaded by the first request, since most servers send none', async t => {
  const isLoaded = () => Object.keys(createRequire(import.meta.url).cache).some(path => /\bundici\b/.test(path))
  const http = new HttpClient()
  await http.close()
  t.notOk(isLoaded())
  const response = await http.get(await listen(t), {}, signal)
  t.equal(await response.body.text(), 'x')
  t.ok(isLoaded())
  await http.close()
})

t.test('addresses in a network of NO_PROXY are reached directly', async t => {
  const url = await listen(t)
  const get = async (none: string): Promise<string> => {
    const http = new HttpClient(defaultRetryPolicy, { http: { variable: 'HTTP_PROXY', address: '127.0.0.1:1' }, none })
    try {
      return await (await http.get(url, {}, signal)).body.text()
    } finally {
      await http.close()
    }
  }
  t.equal(await get('10.0.0.0/8,127.0.0.0/8'), 'x')
  await t.rejects(get('10.0.0.0/8,fd00::/8'), { code: 'ECONNREFUSED' })
})
