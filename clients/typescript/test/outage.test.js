/** Servers that are away, on a virtual clock. No other requests: those of Node.js have timers, too. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchServerError, Client } from 'mnist-batch-client'
import { description, refuse, safetensors, virtualClock } from './fixtures.js'

const options = { batchSize: 4, prefetch: 0 }

async function collect (url, clientOptions) {
  const ids = []
  const split = new Client(url, { onWarning () {}, ...clientOptions }).dataset('made-up').split('train')
  for await (const batch of split.epochs(options)) ids.push(...batch.ids.data)
  return ids
}

/** A server of a virtual clock: refuses connections, then serves from some time on. */
function refuseUntil (t, seconds) {
  const clock = virtualClock(t)
  const fetch = async url => {
    if (clock.now() < seconds * 1000) throw refuse()
    return url.includes('/batches') ? new Response(safetensors()) : Response.json(description)
  }
  return { clock, fetch }
}

for (const seconds of [1, 10, 21, 40, 120]) {
  test(`clients continue within 2 s of a server that is back after ${seconds} s`, async t => {
    const { clock, fetch } = refuseUntil(t, seconds)
    const ends = await Promise.all(Array.from({ length: 20 }, async () => {
      assert.deepEqual(await collect('http://server', { fetch }), [0, 1, 2, 3])
      return clock.now()
    }))
    assert(Math.max(...ends) <= (seconds + 2) * 1000, `the last one after ${Math.max(...ends)} ms`)
    assert(Math.min(...clock.fired) >= 100)
  })
}

test('a request is given up after giveUpAfter seconds of failures, with the last error', async t => {
  const { clock, fetch } = refuseUntil(t, Infinity)
  const warnings = []
  const onWarning = message => warnings.push(message)
  await assert.rejects(collect('http://server', { fetch, onWarning }), error => {
    assert(error instanceof BatchServerError)
    assert.equal(error.message, 'http://server cannot be reached (ECONNREFUSED). Is the server running? npm start')
    assert.deepEqual([error.status, error.code], [undefined, 'unreachable'])
    return true
  })
  assert.equal(clock.now(), 300_000)
  assert.deepEqual(warnings, [
    'http://server cannot be reached (ECONNREFUSED); retrying for up to 300 s. Is the server running? npm start'
  ])
})

test('an outage has one warning for all requests of a client, and one at its end', async t => {
  const { fetch } = refuseUntil(t, 12)
  const warnings = []
  const client = new Client('http://server', { fetch, onWarning: message => warnings.push(message) })
  await Promise.all(Array.from({ length: 5 }, async () => {
    for await (const batch of client.dataset('made-up').split('train').epochs(options)) assert.equal(batch.size, 4)
  }))
  assert.deepEqual(warnings.map(text => text.replace(/\d+ s$/, 'n s')), [
    'http://server cannot be reached (ECONNREFUSED); retrying for up to 300 s. Is the server running? npm start',
    'http://server answers again after n s'
  ])
  assert(Number(/(\d+) s$/.exec(warnings[1])[1]) >= 12)
})

test('a name that cannot be resolved may be resolved later', async t => {
  const codes = ['ENOTFOUND', 'EAI_AGAIN', 'ERR_SSL_UNEXPECTED_EOF_WHILE_READING', 'UND_ERR_SOCKET']
  const { fetch: succeed } = refuseUntil(t, 0)
  const fetch = async url => {
    const code = codes.pop()
    if (code) throw refuse(code)
    return await succeed(url)
  }
  assert.deepEqual(await collect('http://server', { fetch }), [0, 1, 2, 3])
  assert.deepEqual(codes, [])
})

test('Retry-After is honoured in seconds and as a date, up to the deadline', async t => {
  const { clock, fetch: succeed } = refuseUntil(t, 0)
  const inAMinute = new Date(Date.now() + 60_000).toUTCString()
  const values = ['7', inAMinute, 'Thu, 01 Jan 1970 00:00:00 GMT', 'soon', '999999999']
  const fetch = async url => {
    if (values.length === 0) return await succeed(url)
    return Response.json({}, { status: 503, headers: { 'retry-after': values.shift() } })
  }
  assert.deepEqual(await collect('http://server', { fetch, giveUpAfter: 100 }), [0, 1, 2, 3])
  const [seconds, date, past, invalid, rest] = clock.fired.map(ms => ms / 1000)
  assert(seconds >= 7 && seconds < 9.1, `${seconds} s`)
  assert(date > 50 && date < 63, `${date} s`)
  assert(past < 2.1 && invalid < 2.1, `${past} s, ${invalid} s`)
  assert(Math.abs(seconds + date + past + invalid + rest - 100) < 1e-6, `${rest} s`)
})
