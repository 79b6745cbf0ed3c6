import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { BatchServerError, Client } from 'mnist-batch-client'
import { description, refuse, safetensors, stub } from './fixtures.js'

function json (value, status = 200, headers = {}) {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
  }
}

function send (body) {
  return (_request, response) => { response.end(body) }
}

const batch = send(safetensors())
const fail = (_request, response) => { response.destroy() }
const options = { batchSize: 4, prefetch: 0 }
const loading = { code: 'dataset_loading', progress: { stage: 'prepare', item: 'splitting', done: 1, total: 2 } }

async function collect (url, clientOptions = {}, epochOptions = {}) {
  const ids = []
  const split = new Client(url, { onWarning () {}, ...clientOptions }).dataset('made-up').split('train')
  for await (const batch of split.epochs({ ...options, ...epochOptions })) ids.push(...batch.ids.data)
  return ids
}

test('temporary failures are retried', async t => {
  const body = safetensors()
  const truncated = (_request, response) => {
    response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, 40), () => response.destroy())
  }
  const faults = {
    'a reset': fail,
    'a truncated body': truncated,
    // Without a length, only the content tells that something is missing.
    'a truncated header': send(body.subarray(0, 20)),
    'a truncated tensor': send(body.subarray(0, body.length - 1)),
    'an empty body': send(''),
    ...Object.fromEntries([408, 429, 500, 504, 520, 521, 522, 523, 524].map(status => [status, json({}, status)])),
    502: send502,
    503: json({ code: 'overloaded' }, 503, { 'retry-after': '0' })
  }
  await Promise.all(Object.entries(faults).map(async ([name, fault]) => {
    const { url, requests } = await stub(t, json(description), fault, batch)
    assert.deepEqual(await collect(url), [0, 1, 2, 3], name)
    assert.equal(requests(), 3, name)
  }))
})

function send502 (_request, response) {
  response.writeHead(502, { 'content-type': 'text/html' }).end('<html>Bad Gateway</html>')
}

test('an attempt without a byte for too long is repeated, however long a body takes', async t => {
  const stall = (_request, response) => { response.writeHead(200, { 'content-length': 100 }).write('{') }
  const { url } = await stub(t, json(description), () => {}, stall, batch)
  assert.deepEqual(await collect(url, { timeout: 0.1 }), [0, 1, 2, 3])

  const body = safetensors()
  const slow = await stub(t, json(description), async (_request, response) => {
    for (const byte of body) {
      response.write(Buffer.of(byte))
      await delay(2)
    }
    response.end()
  })
  assert.deepEqual(await collect(slow.url, { timeout: 0.2, giveUpAfter: 0 }), [0, 1, 2, 3])
})

test('giveUpAfter: 0 allows one attempt', async t => {
  const { url, requests } = await stub(t, json({ code: 'overloaded', detail: 'too many' }, 503))
  await assert.rejects(collect(url, { giveUpAfter: 0 }), error => {
    assert(error instanceof BatchServerError)
    assert.deepEqual([error.status, error.code, error.detail], [503, 'overloaded', 'too many'])
    return true
  })
  assert.equal(requests(), 1)
  const unreachable = await stub(t, fail)
  await assert.rejects(collect(unreachable.url, { giveUpAfter: 0 }), { code: 'unreachable', status: undefined })
})

test('warnings go to console.warn by default', async t => {
  const { mock } = t.mock.method(console, 'warn', () => {})
  const { url } = await stub(t, json({}, 502), json(description), batch)
  const epochs = new Client(url).dataset('made-up').split('train').epochs(options)
  for await (const batch of epochs) assert.equal(batch.size, 4)
  const warnings = mock.calls.map(({ arguments: [message] }) => message)
  assert.equal(warnings[0], `${url} responds with 502 unknown; retrying for up to 300 s`)
  assert.equal(warnings.length, 2)
})

test('errors that no attempt can mend are final', async t => {
  const codes = {
    EINVAL: /Correct its address/,
    EACCES: /Correct its address/,
    ERR_INVALID_URL: /Correct its address/,
    HPE_INVALID_CONSTANT: /Correct its address/,
    CERT_HAS_EXPIRED: /certificate is not trusted/,
    DEPTH_ZERO_SELF_SIGNED_CERT: /NODE_EXTRA_CA_CERTS/,
    ERR_TLS_CERT_ALTNAME_INVALID: /the name in the certificate/
  }
  for (const [code, message] of Object.entries(codes)) {
    const fetch = t.mock.fn(async () => { throw refuse(code) })
    await assert.rejects(collect('http://server', { fetch }), error => message.test(error.message), code)
    assert.equal(fetch.mock.callCount(), 1, code)
  }
  const { url, requests } = await stub(t, batch)
  await assert.rejects(collect(url.replace('http', 'https')), /ERR_SSL.*use http:/)
  assert.equal(requests(), 0)
  await assert.rejects(collect('http://127.0.0.1:1'), /bad port/)
  const loop = await stub(t, (_request, response) => { response.writeHead(302, { location: '/' }).end() })
  await assert.rejects(collect(loop.url), /redirect/)
})

test('the client waits while the dataset is prepared, without using up giveUpAfter', async t => {
  const wait = json(loading, 503, { 'retry-after': '0' })
  const { url } = await stub(t, wait, wait, json(description), batch)
  const progress = []
  const warnings = []
  const callbacks = { onPreparing: value => progress.push(value), onWarning: message => warnings.push(message) }
  assert.deepEqual(await collect(url, { giveUpAfter: 0, ...callbacks }), [0, 1, 2, 3])
  assert.deepEqual(progress, [loading.progress, loading.progress])
  assert.deepEqual(warnings, [])
})

test('a redirect is followed, and another origin gets no token', async t => {
  const found = []
  const note = handler => (request, response) => {
    found.push([request.url, request.headers.authorization])
    handler(request, response)
  }
  const other = await stub(t, note(json(description)), note(batch))
  const { url } = await stub(t, (request, response) => {
    const location = request.url.startsWith('/old') ? request.url.slice(4) : other.url + request.url
    response.writeHead(307, { location }).end()
  })
  assert.deepEqual(await collect(`${url}/old`, { token: 'secret' }), [0, 1, 2, 3])
  assert.deepEqual(found.map(([, token]) => token), [undefined, undefined])
  const same = await stub(t, (request, response) => {
    response.writeHead(308, { location: '/v2' }).end()
  }, note(json(description)), batch)
  await collect(same.url, { token: 'secret' })
  assert.deepEqual(found.at(-1), ['/v2', 'Bearer secret'])
  const missing = await stub(t, json({ detail: 'no such path' }, 404))
  const moved = await stub(t, (_request, response) => { response.writeHead(301, { location: missing.url }).end() })
  await assert.rejects(collect(moved.url), ({ message }) => {
    return message === `no such path, after a redirect to ${missing.url}: give the client this address (404 unknown)`
  })
})

test('another server at the same address is an error at once', async t => {
  const { url, requests } = await stub(t, (_request, response) => { response.end('<!doctype html>') })
  await assert.rejects(collect(url), error => {
    assert(error instanceof BatchServerError)
    assert.match(error.message, /does not answer as an mnist-batch-server does \(.*: correct its address/)
    return true
  })
  assert.equal(requests(), 1)
})

test('other problems have a code, a detail and the allowed values, and are not retried', async t => {
  const errors = [{ parameter: 'batch_size', detail: 'too large', allowed: 'an integer from 1 to 64' }]
  const problem = { code: 'invalid_parameter', detail: 'batch_size is too large', errors }
  const { url, requests } = await stub(t, json(description), json(problem, 400))
  await assert.rejects(collect(url), error => {
    assert(error instanceof BatchServerError)
    assert.deepEqual(error.allowed, { batch_size: 'an integer from 1 to 64' })
    assert.equal(error.message, 'batch_size is too large (400 invalid_parameter)')
    return true
  })
  assert.equal(requests(), 2)
})

test('an aborted signal ends an iteration with its reason, even during a pause', async t => {
  const requested = {}
  for (const [name, handler] of Object.entries({
    'no response': () => {},
    'a long pause': json({}, 503, { 'retry-after': '600' })
  })) {
    const controller = new AbortController()
    const { url } = await stub(t, json(description), (request, response) => {
      requested[name] = true
      handler(request, response)
      setImmediate(() => controller.abort(new Error('enough')))
    })
    await assert.rejects(collect(url, {}, { signal: controller.signal }), /enough/, name)
    assert(requested[name])
    await assert.rejects(collect(url, {}, { signal: controller.signal }), /enough/, 'from then on')
  }
})

test('leaving the loop aborts what was requested ahead', async t => {
  const closed = []
  const large = { ...description, splits: { train: 12, val: 0, test: 0 } }
  const { url } = await stub(t, json(large), batch, (_request, response) => {
    closed.push(once(response, 'close'))
  })
  const split = new Client(url).dataset('made-up').split('train')
  const iterator = split.epochs({ batchSize: 4, prefetch: 2 })[Symbol.asyncIterator]()
  assert.equal((await iterator.next()).value.size, 4)
  while (closed.length < 2) await nextTurn()
  await iterator.return()
  await Promise.all(closed)
})

test('requests have the token, the pinned version, and the defaults that differ from the server\'s', async t => {
  const urls = []
  const note = handler => (request, response) => {
    urls.push([request.url, request.headers.authorization])
    handler(request, response)
  }
  const { url } = await stub(t, note(json(description)), note(batch))
  await collect(`${url}/`, { token: 'secret' }, { augment: 'rotate:15,shift:2' })
  const query = 'page=0&batch_size=4&epoch=0&normalization=standard&labels=index&layout=nchw' +
    '&augment=rotate%3A15%2Cshift%3A2&version=0123456789abcdef&format=safetensors'
  assert.deepEqual(urls, [
    ['/v1/datasets/made-up', 'Bearer secret'],
    [`/v1/datasets/made-up/splits/train/batches?${query}`, 'Bearer secret']
  ])
})
