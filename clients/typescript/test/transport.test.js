import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { BatchServerError, Client } from 'mnist-batch-client'
import { stub } from './fixtures.js'

const description = { dataset: 'made-up', version: '0123456789abcdef', splits: { train: 4, val: 0, test: 0 } }

function json (value, status = 200, headers = {}) {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
  }
}

/** Four samples of one pixel. */
function safetensors () {
  const header = JSON.stringify({
    images: { dtype: 'U8', shape: [4, 1], data_offsets: [0, 4] },
    labels: { dtype: 'I64', shape: [4], data_offsets: [4, 36] },
    ids: { dtype: 'I32', shape: [4], data_offsets: [36, 52] }
  })
  const body = Buffer.alloc(8 + header.length + 52)
  body.writeBigUInt64LE(BigInt(header.length))
  body.write(header, 8)
  for (let i = 0; i < 4; i++) body.writeInt32LE(i, 8 + header.length + 36 + 4 * i)
  return body
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
  const split = new Client(url, clientOptions).dataset('made-up').split('train')
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
    429: json({}, 429),
    502: send502,
    503: json({ code: 'overloaded' }, 503, { 'retry-after': '0' }),
    504: json({}, 504)
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

test('an attempt that takes too long is repeated', async t => {
  const { url } = await stub(t, json(description), () => {}, batch)
  assert.deepEqual(await collect(url, { timeoutMs: 100 }), [0, 1, 2, 3])
})

test('when all retries are used up, the last error is thrown', async t => {
  const { url, requests } = await stub(t, json({ code: 'overloaded', detail: 'too many' }, 503))
  await assert.rejects(collect(url, { retries: 1 }), error => {
    assert(error instanceof BatchServerError)
    assert.deepEqual([error.status, error.code, error.detail], [503, 'overloaded', 'too many'])
    return true
  })
  assert.equal(requests(), 2)
  const unreachable = await stub(t, fail)
  await assert.rejects(collect(unreachable.url, { retries: 0 }), { code: 'unreachable', status: undefined })
})

test('the client waits while the dataset is prepared, without using up retries', async t => {
  const wait = json(loading, 503, { 'retry-after': '0' })
  const { url } = await stub(t, wait, wait, json(description), batch)
  const progress = []
  const onPreparing = value => progress.push(value)
  assert.deepEqual(await collect(url, { retries: 0, onPreparing }), [0, 1, 2, 3])
  assert.deepEqual(progress, [loading.progress, loading.progress])
})

test('Retry-After is honoured', async t => {
  let first
  const { url } = await stub(t, (request, response) => {
    first = performance.now()
    json({}, 503, { 'retry-after': '1' })(request, response)
  }, json(description), batch)
  await collect(url)
  assert(performance.now() - first >= 1000)
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

test('requests have the token, the pinned version and only the given parameters', async t => {
  const urls = []
  const note = handler => (request, response) => {
    urls.push([request.url, request.headers.authorization])
    handler(request, response)
  }
  const { url } = await stub(t, note(json(description)), note(batch))
  await collect(`${url}/`, { token: 'secret' }, { augment: 'rotate:15,shift:2' })
  const query = 'page=0&batch_size=4&epoch=0&augment=rotate%3A15%2Cshift%3A2&version=0123456789abcdef' +
    '&format=safetensors'
  assert.deepEqual(urls, [
    ['/v1/datasets/made-up', 'Bearer secret'],
    [`/v1/datasets/made-up/splits/train/batches?${query}`, 'Bearer secret']
  ])
})
