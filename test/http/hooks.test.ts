import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { appOver } from '../fixtures/app.ts'
import { prepared } from '../fixtures/prepared.ts'

const dataset = prepared({ train: 300, val: 5, test: 20 }, { rows: 28, columns: 28 })
const split = '/v1/datasets/made-up/splits/train'
const urls = [
  `${split}/batches`,
  `${split}/batches?format=safetensors&batch_size=64`,
  `${split}/batches?format=npz&seed=7&version=${dataset.version}`,
  `${split}/stream?batch_size=64`,
  `${split}/samples/3?format=png`,
  split,
  '/v1/datasets/made-up/mean',
  '/v1/datasets/made-up',
  '/v1/datasets',
  '/readyz',
  '/openapi.json',
  '/nowhere'
]

/** Sends a request over a socket, like any client. */
async function request (port: string, path: string, headers: Record<string, string> = {}) {
  const [response] = await once(get({ port, path, headers, agent: false }), 'response') as [IncomingMessage]
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) }
}

t.test('no request is answered before the hooks, even one that was answered a moment earlier', async t => {
  const { app } = await appOver(t, [dataset])
  let isOpen = true
  app.addHook('onRequest', async () => {
    if (!isOpen) throw Object.assign(new Error('closed for the day'), { statusCode: 403 })
  })
  const { port } = new URL(await app.listen({ port: 0 }))
  for (const url of urls) {
    isOpen = true
    const served = await Promise.all([request(port, url), request(port, url), app.inject(url)])
    const etag = served[0]!.headers.etag
    isOpen = false
    for (const headers of [{}, { 'if-none-match': etag ?? '*' }]) {
      const { status, body } = await request(port, url, headers)
      t.match([status, JSON.parse(String(body))], [403, { detail: 'closed for the day' }], url)
      t.equal((await app.inject({ url, headers })).statusCode, 403)
      t.equal((await app.inject({ url, headers, method: 'HEAD' })).statusCode, 403)
    }
  }
})

t.test('hooks see every request and every response, repeated or not', async t => {
  const { app } = await appOver(t, [dataset])
  const requests: string[] = []
  const responses: Array<[url: string, status: number]> = []
  let isAnswered = (): void => {}
  app.addHook('onRequest', async ({ url }) => { requests.push(url) })
  app.addHook('onResponse', async ({ url }, { statusCode }) => {
    responses.push([url, statusCode])
    isAnswered()
  })
  const { port } = new URL(await app.listen({ port: 0 }))
  const expected: typeof responses = []
  for (const url of urls) {
    let etag: string | undefined
    for (let i = 0; i < 4; i++) {
      const answered = new Promise<void>(resolve => { isAnswered = resolve })
      const { status, headers } = await request(port, url, i === 3 && etag ? { 'if-none-match': etag } : {})
      etag = headers.etag
      expected.push([url, status!])
      await answered
    }
  }
  t.same(responses, expected)
  t.same(requests, expected.map(([url]) => url))
  t.ok(expected.some(([, status]) => status === 304))
})

t.test('a hook may add headers to every response', async t => {
  const { app } = await appOver(t, [dataset])
  app.addHook('onRequest', async (_request, reply) => { reply.header('x-served-by', 'replica 1') })
  for (const url of urls) {
    for (let i = 0; i < 2; i++) t.equal((await app.inject(url)).headers['x-served-by'], 'replica 1', url)
  }
})
