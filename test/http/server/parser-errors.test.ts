import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { HttpConfig } from '../../../src/app.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 400, val: 1, test: 1 }, { rows: 28, columns: 28 })
const batches = '/v1/datasets/made-up/splits/train/batches'
const gather = '/v1/datasets/made-up/splits/train/gather'
const host = 'Host: localhost\r\n'
const chunked = `POST ${gather} HTTP/1.1\r\n${host}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`

async function listen (t: Test, config: Partial<HttpConfig> = {}) {
  const { app, log } = await appOver(t, [dataset], config)
  const port = Number(new URL(await app.listen({ port: 0 })).port)
  const open = async (): Promise<Socket> => {
    const socket = connect({ port, allowHalfOpen: true })
    await once(socket, 'connect')
    return socket
  }
  /** Sends bytes, and reads until the server closes the connection. */
  const exchange = async (bytes: string): Promise<Response[]> => {
    const socket = await open()
    socket.write(bytes, 'latin1')
    const responses = parseResponses(await text(socket.setEncoding('latin1')))
    socket.end()
    return responses
  }
  return { app, log, open, exchange }
}

interface Response {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Responses with a Content-Length, one after the other. */
function parseResponses (stream: string): Response[] {
  const responses: Response[] = []
  while (stream !== '') {
    const end = stream.indexOf('\r\n\r\n')
    const [statusLine, ...lines] = stream.slice(0, end).split('\r\n')
    const headers = Object.fromEntries(lines.map(line => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)]
    }))
    const next = end + 4 + Number(headers['content-length'])
    responses.push({ status: Number(statusLine!.split(' ')[1]), headers, body: stream.slice(end + 4, next) })
    stream = stream.slice(next)
  }
  return responses
}

const allow = 'GET, HEAD, OPTIONS'
const cases: Array<[what: string, bytes: string, status: number, code: string, allow?: string]> = [
  ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400, 'bad_request'],
  ['a header with a NUL', `GET / HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`, 400, 'bad_request'],
  ['a header over two lines', `GET / HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n`, 400, 'bad_request'],
  ['a header without a colon', `GET / HTTP/1.1\r\n${host}nothing\r\n\r\n`, 400, 'bad_request'],
  ['a path that is not ASCII', `GET /\xff HTTP/1.1\r\n${host}\r\n`, 400, 'bad_request'],
  ['lines without CR', 'GET /healthz HTTP/1.1\nHost: localhost\n\n', 400, 'bad_request'],
  ['an invalid length', `POST ${gather} HTTP/1.1\r\n${host}Content-Length: x\r\n\r\n`, 400, 'bad_request'],
  ['two kinds of length', chunked.replace('\r\n\r\n', '\r\nContent-Length: 3\r\n\r\n'), 400, 'bad_request'],
  ['an invalid chunk', `${chunked}zz\r\n`, 400, 'bad_request'],
  ['long chunk extensions', `${chunked}1;${'x'.repeat(20_000)}\r\n`, 413, 'content_too_large'],
  ['a long URL', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n${host}\r\n`, 414, 'uri_too_long'],
  ['a long header', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
  ['many headers', `GET / HTTP/1.1\r\n${'X: 12345678\r\n'.repeat(2000)}\r\n`, 431, 'headers_too_large'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, 'unsupported_http_version'],
  ['HTTP/3', `GET / HTTP/3.0\r\n${host}\r\n`, 505, 'unsupported_http_version'],
  ['an unknown method', `FROB ${batches}?x=1 HTTP/1.1\r\n${host}\r\n`, 405, 'method_not_allowed', allow],
  ['a method in lower case', `get ${batches} HTTP/1.1\r\n${host}\r\n`, 405, 'method_not_allowed', allow],
  ['a URL', `FROB http://localhost${batches} HTTP/1.1\r\n${host}\r\n`, 405, 'method_not_allowed', allow],
  ['an unknown method of nothing', `FROB /nowhere HTTP/1.1\r\n${host}\r\n`, 404, 'unknown_route'],
  ['CONNECT of a path', `CONNECT ${batches} HTTP/1.1\r\n${host}\r\n`, 405, 'method_not_allowed', allow],
  ['CONNECT', `CONNECT example.org:80 HTTP/1.1\r\n${host}\r\n`, 405, 'method_not_allowed', `${allow}, POST`]
]

t.test('what the HTTP parser rejects is a problem document, and closes the connection', async t => {
  const { exchange, log } = await listen(t)
  for (const [what, bytes, status, code, allow] of cases) {
    const responses = await exchange(bytes)
    t.equal(responses.length, 1, what)
    const { headers, body } = responses[0]!
    t.match(JSON.parse(body), { type: `urn:mnist-batch-server:problem:${code}`, status, code, detail: /.{20}/ }, what)
    t.equal(responses[0]!.status, status)
    t.equal(headers['allow'], allow)
    t.match(headers, {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'access-control-allow-origin': '*',
      connection: 'close'
    })
    t.ok(body.length < 500, `${body.length} bytes`)
    t.match(log.filter(({ msg }) => msg === 'request rejected').at(-1), { level: 40, status, client: '127.0.0.1' })
  }
})

t.test('a request that does not arrive in time is 408', async t => {
  const { app, log, exchange } = await listen(t, { headersTimeoutMs: 50, requestTimeoutMs: 50 })
  const unfinished = `${chunked}5\r\n{"ids`
  for (const bytes of ['GET /healthz HTTP/1.1\r\nHost:', unfinished]) {
    const [response] = await exchange(bytes)
    t.equal(response!.status, 408)
    t.match(JSON.parse(response!.body), { code: 'request_timeout', detail: 'the request did not arrive in time' })
  }
  while (app.metrics.inFlight > 0) await nextTurn()
  t.match(log.at(-1), { msg: 'request aborted', status: 408 }, 'also in the log')
  const counted = [...app.metrics.responses.values()].filter(({ seconds }) => seconds.count > 0)
  t.same(counted.map(({ status }) => status), [408], 'and in the metrics')
})

t.test('two Host headers are rejected', async t => {
  const { exchange } = await listen(t)
  const [response] = await exchange(`GET /healthz HTTP/1.1\r\n${host}hOST: other\r\nConnection: close\r\n\r\n`)
  t.match(response, { status: 400, body: /"a request must have one header Host, got several"/ })
})

t.test('a client that asks before it sends a body is told to continue only if nothing rejects its request', async t => {
  const { exchange, open } = await listen(t)
  const post = (path: string, length: number): string => `POST ${path} HTTP/1.1\r\n${host}` +
    `Content-Type: application/json\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`
  for (const [path, length, status] of [[gather, 1e6, 413], ['/nowhere', 10, 404], [batches, 10, 405]] as const) {
    const responses = await exchange(post(path, length))
    t.match(responses, [{ status, headers: { connection: 'close' } }], `${status}`)
    t.equal(responses.length, 1)
  }
  const socket = await open()
  const body = '{"ids":[1]}'
  socket.write(post(gather, body.length).replace('Expect', 'Connection: close\r\nExpect'))
  const [interim] = await once(socket, 'data') as [Buffer]
  t.equal(interim.toString(), 'HTTP/1.1 100 Continue\r\n\r\n')
  socket.write(body)
  t.match(await text(socket), /^HTTP\/1\.1 200 OK\r\n/)
})

t.test('requests before a malformed one get their responses first', async t => {
  const { exchange } = await listen(t, { maxBatchSize: 400 })
  const query = 'batch_size=400&augment=rotate:45&format=safetensors'
  const valid = `GET ${batches}?${query} HTTP/1.1\r\n${host}\r\nGET /healthz HTTP/1.1\r\n${host}\r\n`
  const endings: Array<[bytes: string, status: number]> = [
    ['FROB\r\n\r\n', 400],
    [`FROB /healthz HTTP/1.1\r\n${host}\r\n`, 405],
    [`CONNECT example.org:80 HTTP/1.1\r\n${host}\r\n`, 405],
    [`${chunked}zz\r\n`, 400]
  ]
  for (const [ending, status] of endings) {
    const responses = await exchange(valid + ending)
    t.same(responses.map(response => response.status), [200, 200, status])
    t.equal(Number(responses[0]!.headers['content-length']), responses[0]!.body.length)
    t.equal(responses[1]!.body, '{"status":"ok"}')
  }
})

t.test('a request that has its response gets no second one', async t => {
  const { app, open } = await listen(t)
  const socket = await open()
  const parts: string[] = []
  socket.setEncoding('latin1').on('data', part => parts.push(String(part)))
  socket.write(`${chunked.replace('application/json', 'text/plain')}1\r\n`)
  await once(socket, 'data')
  socket.write('xzz\r\n')
  await once(socket, 'end')
  socket.end()
  t.same(parseResponses(parts.join('')).map(({ status }) => status), [415])
  t.equal(app.server.listening, true)
})

t.test('a client that only sends is disconnected', async t => {
  const { app, open } = await listen(t)
  const connections = () => new Promise<number>((resolve, reject) => {
    app.server.getConnections((error, count) => error ? reject(error) : resolve(count))
  })
  const socket = await open()
  socket.on('error', () => {})
  let isOpen = true
  socket.once('close', () => { isOpen = false })
  socket.write('nonsense\r\n\r\n')
  while (await connections() > 0) {
    if (isOpen) socket.write('more nonsense\r\n')
    await nextTurn()
  }
  socket.destroy()
  t.pass('the server has closed the connection')
})

t.test('pages of allowed origins may read what the parser rejects', async t => {
  const { exchange } = await listen(t, { corsOrigins: ['https://a.example', 'https://b.example'] })
  const invalid = (origin: string) => `GET / HTTP/1.1\r\n${host}${origin}X: a\0b\r\n\r\n`
  const cases: Array<[bytes: string, allowed: string | undefined]> = [
    [invalid('Origin: https://b.example\r\n'), 'https://b.example'],
    [invalid('origin:https://a.example \r\n'), 'https://a.example'],
    [invalid('Origin: https://c.example\r\n'), undefined],
    [invalid(''), undefined],
    [`${chunked.replace('\r\n\r\n', '\r\nOrigin: https://b.example\r\n\r\n')}zz\r\n`, 'https://b.example']
  ]
  for (const [bytes, allowed] of cases) {
    const [response] = await exchange(bytes)
    t.match(response, { status: 400, headers: { vary: 'Origin', 'access-control-allow-origin': allowed } })
    t.equal(response!.headers['access-control-allow-origin'], allowed, bytes)
  }
})
