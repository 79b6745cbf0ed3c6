import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client, detectRank } from 'mnist-batch-client'
import { description } from './fixtures.js'

const split = new Client('http://127.0.0.1:8080').dataset('made-up').split('train')

/** Options, and what the error must say. */
const faults = [
  [{ batch_size: 50 }, TypeError, /no option 'batch_size'; did you mean batchSize\?; there are: .*prefetch/],
  [{ worldsize: 2 }, TypeError, /did you mean worldSize\?/],
  [{ normalisation: 'raw' }, TypeError, /did you mean normalization\?/],
  [{ quux: undefined }, TypeError, /no option 'quux'; there are/],
  [{ epochs: 3 }, TypeError, /while \(train\.epoch < 3\) for await \(const batch of train\)/],
  [{ batchSize: 0 }, RangeError, /batchSize must be an integer of at least 1, got 0/],
  [{ batchSize: -1 }, RangeError, /got -1/],
  [{ batchSize: NaN }, RangeError, /got NaN/],
  [{ batchSize: 1.5 }, RangeError, /got 1.5/],
  [{ batchSize: Infinity }, RangeError, /got Infinity/],
  [{ batchSize: '128' }, TypeError, /got '128'/],
  [{ batchSize: null }, TypeError, /got null/],
  [{ batchSize: true }, TypeError, /got true/],
  [{ batchSize: 128n }, TypeError, /got 128n/],
  [{ seed: -1 }, RangeError, /seed must be an integer from 0 to 4294967295, got -1/],
  [{ seed: 2 ** 32 }, RangeError, /seed/],
  [{ seed: null }, TypeError, /seed/],
  [{ epoch: '1' }, TypeError, /epoch must be .* got '1'/],
  [{ prefetch: -1 }, RangeError, /prefetch must be an integer of at least 0, got -1/],
  [{ prefetch: NaN }, RangeError, /prefetch/],
  [{ rank: 'first', worldSize: 'auto' }, RangeError, /rank must be 'auto' or an integer from 0 to 65535, got 'first'/],
  [{ rank: 2, worldSize: 2 }, RangeError, /rank must be from 0 to 1 where worldSize is 2, got 2/],
  [{ rank: 0 }, RangeError, /rank and worldSize must both be numbers or both be 'auto', got 0 and auto/],
  [{ worldSize: 2 }, RangeError, /got auto and 2/],
  [{ remainder: 'keeps' }, RangeError, /remainder must be 'keep', 'drop' or 'pad', got 'keeps'/],
  [{ remainder: 1 }, TypeError, /remainder/],
  [{ normalization: 'none' }, RangeError, /normalization must be 'centered', 'unit', 'standard' or 'raw'/],
  [{ dtype: 'float64' }, RangeError, /dtype/],
  [{ dtype: 'uint8' }, RangeError, /dtype must be 'float32' or 'float16' without normalization 'raw'/],
  [{ dtype: 'float16', normalization: 'raw' }, RangeError, /dtype must be 'uint8' with normalization 'raw'/],
  [{ labels: 'one-hot' }, RangeError, /labels must be 'onehot' or 'index', got 'one-hot'/],
  [{ layout: 'chw' }, RangeError, /layout must be 'flat', 'nhwc' or 'nchw'/],
  [{ augment: '' }, RangeError, /augment must be a text/],
  [{ augment: { rotate: 15 } }, TypeError, /augment must be a text, got an object/],
  [{ pad: 28 }, RangeError, /pad must be 32, got 28/],
  [{ pad: true }, TypeError, /pad must be 32, got true/],
  [{ unevenRanks: 1 }, TypeError, /unevenRanks must be true or false, got 1/],
  [{ advanceOnBreak: 'yes' }, TypeError, /advanceOnBreak/],
  [{ signal: new AbortController() }, TypeError, /signal must be an AbortSignal, got an object/],
  [{ rank: 0, worldSize: 2 }, RangeError, /2 ranks and no seed.*remainder: 'pad'.*mask.*rank: 0, worldSize: 1/],
  [null, TypeError, /the options must be an object, got null/],
  ['seed', TypeError, /got 'seed'/],
  [[7], TypeError, /got an array/]
]

function assertThrows (attempt, type, message) {
  assert.throws(attempt, error => error instanceof type && message.test(error.message), String(message))
}

test('every wrong option is an error that names it and the allowed values', () => {
  for (const [options, type, message] of faults) assertThrows(() => split.epochs(options), type, message)
})

test('options that are undefined count as not given', () => {
  const names = ['batchSize', 'seed', 'epoch', 'rank', 'worldSize', 'remainder', 'signal', 'augment', 'pad', 'labels']
  const epochs = split.epochs(Object.fromEntries(names.map(name => [name, undefined])))
  const { rank, worldSize, batchSize, seed, remainder, epoch } = epochs
  assert.deepEqual([rank, worldSize, batchSize, seed, remainder, epoch], [0, 1, 128, undefined, 'keep', 0])
})

test('several ranks with a seed drop the remainder by default', () => {
  assert.equal(split.epochs({ rank: 1, worldSize: 2, seed: 7 }).remainder, 'drop')
  assert.equal(split.epochs({ rank: 1, worldSize: 2, seed: 7, remainder: 'pad' }).remainder, 'pad')
  assert.equal(split.epochs({ seed: 7 }).remainder, 'keep')
})

test('the rank comes from the environment of torchrun, Slurm or Open MPI', async t => {
  const names = [
    'RANK', 'WORLD_SIZE', 'SLURM_PROCID', 'SLURM_STEP_NUM_TASKS', 'OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE'
  ]
  const original = { ...process.env }
  t.after(() => { process.env = original })
  const detect = variables => {
    process.env = { ...original, ...Object.fromEntries(names.map(name => [name, ''])), ...variables }
    return detectRank()
  }
  assert.deepEqual(detect({}), { rank: 0, worldSize: 1 })
  assert.deepEqual(detect({ RANK: '1' }), { rank: 0, worldSize: 1 })
  const openMpi = { OMPI_COMM_WORLD_RANK: '3', OMPI_COMM_WORLD_SIZE: '8' }
  assert.deepEqual(detect(openMpi), { rank: 3, worldSize: 8 })
  // In a batch script without srun.
  assert.deepEqual(detect({ SLURM_PROCID: '0', SLURM_NTASKS: '4' }), { rank: 0, worldSize: 1 })
  const slurm = { ...openMpi, SLURM_PROCID: '2', SLURM_STEP_NUM_TASKS: '4' }
  assert.deepEqual(detect(slurm), { rank: 2, worldSize: 4 })
  assert.deepEqual(detect({ ...slurm, RANK: '1', WORLD_SIZE: '2' }), { rank: 1, worldSize: 2 })
  const { rank, worldSize } = split.epochs({ seed: 7 })
  assert.deepEqual([rank, worldSize], [1, 2])
  assert.deepEqual([split.epochs({ rank: 0, worldSize: 1 }).worldSize], [1])
  assert.throws(() => detect({ RANK: '2', WORLD_SIZE: '2' }), /RANK must be from 0 to 1 where WORLD_SIZE is 2, got 2/)
  assert.throws(() => detect({ RANK: 'x', WORLD_SIZE: '2' }), /RANK must be an integer from 0 to 65535/)
})

/** Arguments of a client, and what the error must say. */
const clientFaults = [
  [['127.0.0.1:8080'], RangeError, /must begin with http:\/\/ or https:\/\/, got '127.0.0.1:8080'/],
  [['localhost:8080'], RangeError, /must begin with http/],
  [['ftp://host'], RangeError, /must begin with http/],
  [[''], RangeError, /must begin with http/],
  [[undefined], TypeError, /must be a text such as http:\/\/host:8080, got undefined/],
  [['http://127.0.0.1:99999'], RangeError, /a port from 1 to 65535, got 'http:\/\/127.0.0.1:99999'/],
  [['http://127.0.0.1:0/'], RangeError, /a port from 1 to 65535/],
  [['http://host:port'], RangeError, /must look like http:\/\/host:8080/],
  [['http://host/?token=x'], RangeError, /neither \? nor #/],
  [['http://host', null], TypeError, /the options must be an object/],
  [['http://host', { retries: 5 }], TypeError, /no option retries: giveUpAfter/],
  [['http://host', { timeoutMs: 5 }], TypeError, /no option timeoutMs: timeout is the same in seconds/],
  [['http://host', { give_up_after: 5 }], TypeError, /did you mean giveUpAfter\?/],
  [['http://host', { giveUpAfter: -1 }], RangeError, /giveUpAfter must be a number of seconds of at least 0, got -1/],
  [['http://host', { giveUpAfter: NaN }], RangeError, /giveUpAfter/],
  [['http://host', { giveUpAfter: '5' }], TypeError, /giveUpAfter/],
  [['http://host', { timeout: 0 }], RangeError, /timeout/],
  [['http://host', { fetch: true }], TypeError, /fetch must be a function/],
  [['http://host', { onWarning: null }], TypeError, /onWarning must be a function/],
  [['http://host', { token: 5 }], TypeError, /token must be a text/],
  [['http://host', { token: '' }], RangeError, /token must consist of printable ASCII/]
]

test('every wrong argument of a client is an error that says what is allowed', () => {
  for (const [parameters, type, message] of clientFaults) {
    assertThrows(() => new Client(...parameters), type, message)
  }
  assert.throws(() => new Client('http://host').dataset(''), /a dataset has a name/)
})

test('no error shows a password or a token', () => {
  const secret = 'hunter2'
  const attempts = [
    () => new Client(`http://alice:${secret}@host`),
    () => new Client(`http://alice:${secret}@host:99999`),
    () => new Client(`alice:${secret}@host`),
    () => new Client(`http://host/?token=${secret}`),
    () => new Client(new URL(`http://alice:${secret}@host`)),
    ...['\n', ' ', 'é', '\u0000'].map(text => () => new Client('http://host', { token: secret + text }))
  ]
  for (const attempt of attempts) assert.throws(attempt, ({ message }) => !message.includes(secret))
})

test('an address may be a URL, have a path, and end in a slash', async () => {
  const urls = []
  const fetch = async url => {
    urls.push(url)
    return Response.json(description)
  }
  for (const url of ['http://[::1]:8080', 'http://host/mnist/', new URL('https://HOST/')]) {
    await new Client(url, { fetch }).dataset('made-up').describe()
  }
  assert.deepEqual(urls, ['http://[::1]:8080', 'http://host/mnist', 'https://host'].map(base => {
    return `${base}/v1/datasets/made-up`
  }))
})

test('an unknown split is an error that names the others', async () => {
  const client = new Client('http://host', { fetch: async () => Response.json(description) })
  const message = "there is no split 'validation'; there are: train, val, test"
  const unknown = client.dataset('made-up').split('validation')
  const epochs = unknown.epochs()
  const attempts = [
    () => epochs[Symbol.asyncIterator]().next(),
    () => epochs.length(),
    () => epochs.resume({ version: description.version, seed: null, epoch: 0, offset: 0 }),
    () => unknown.gather([0]),
    () => unknown.labels()
  ]
  for (const attempt of attempts) await assert.rejects(attempt, { name: 'RangeError', message })
})
