import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Client, StateError } from 'mnist-batch-client'
import { startService } from '../../../scripts/lib/server.js'
import { collectIds, createRandom, proxy, refuse } from './fixtures.js'
import { order } from './order.js'

let server
let val
before(async () => {
  server = await startService()
  val = new Client(server.base).dataset('mnist').split('val')
})
after(() => server?.stop())

async function get (query) {
  const response = await fetch(`${server.base}/v1/datasets/mnist/splits/val/batches?${query}`)
  return await response.json()
}

test('batches are those of the server, as typed arrays with shapes', async () => {
  const options = { batchSize: 4000, seed: 3, epoch: 2, normalization: 'raw', labels: 'index', layout: 'nhwc' }
  const batches = []
  for await (const batch of val.epochs(options)) batches.push(batch)
  assert.deepEqual(batches.map(({ size }) => size), [4000, 4000, 4000])
  const expected = await get('batch_size=4000&seed=3&epoch=2&normalization=raw&labels=index&layout=nhwc&page=2')
  const { images, labels, ids, mask } = batches[2]
  assert(images.data instanceof Uint8Array && labels.data instanceof BigInt64Array && ids.data instanceof Int32Array)
  assert.deepEqual([...ids.data], expected.ids)
  assert.deepEqual(Array.from(labels.data, Number), expected.labels)
  assert.deepEqual([...images.data.subarray(0, 784)], expected.images[0].flat(2))
  assert.deepEqual([images.shape, labels.shape, mask], [[4000, 28, 28, 1], [4000], undefined])

  for await (const { images, labels, mask } of val.epochs({
    batchSize: 4096, remainder: 'pad', pad: 32, layout: 'flat', labels: 'onehot'
  })) {
    assert(images.data instanceof Float32Array && labels.data instanceof Float32Array)
    assert.deepEqual([images.shape, labels.shape, mask.shape], [[4096, 1024], [4096, 10], [4096]])
  }
  for await (const { images } of val.epochs({ batchSize: 4096, dtype: 'float16' })) {
    assert(images.data instanceof Uint16Array)
  }
})

test('by default, images are standardized, labels are indices, and channels come first', async () => {
  const iterator = val.epochs()[Symbol.asyncIterator]()
  const { value: { images, labels, ids, mask } } = await iterator.next()
  await iterator.return()
  const expected = await get('batch_size=128&normalization=standard&labels=index&layout=nchw')
  assert(images.data instanceof Float32Array && labels.data instanceof BigInt64Array)
  assert.deepEqual([images.shape, labels.shape, ids.shape, mask], [[128, 1, 28, 28], [128], [128], undefined])
  assert.deepEqual(images.data, Float32Array.from(expected.images.flat(3)))
  assert.deepEqual(Array.from(labels.data, Number), expected.labels)
})

test('each iteration is the next epoch, and has every sample once', async () => {
  const epochs = val.epochs({ batchSize: 1000, seed: 1, normalization: 'raw' })
  const found = []
  while (epochs.epoch < 3) found.push(await collectIds(epochs))
  assert.deepEqual(found, [0, 1, 2].map(epoch => order(12000, 1, epoch)))
  epochs.setEpoch(7)
  assert.equal(epochs.epoch, 7)
  assert.deepEqual(await collectIds(epochs), order(12000, 1, 7))
  const { version } = await get('batch_size=1')
  assert.deepEqual(epochs.state(), { dataset: 'mnist', split: 'val', version, seed: 1, epoch: 8, offset: 0 })
  for (const wrong of [-1, NaN, 0.5, 2 ** 32, '1', null]) assert.throws(() => epochs.setEpoch(wrong), /epoch must be/)
})

test('the last batch of an epoch comes with the state of the next one', async () => {
  for (const remainder of ['keep', 'drop', 'pad']) {
    const epochs = val.epochs({ batchSize: 3500, seed: 1, remainder, normalization: 'raw' })
    const found = []
    for await (const batch of epochs) {
      assert(batch.size > 0)
      found.push([epochs.state().epoch, epochs.state().offset, epochs.epoch])
    }
    const expected = [[0, 3500, 0], [0, 7000, 0], [0, 10500, 0], [1, 0, 1]]
    assert.deepEqual(found, remainder === 'drop' ? expected.toSpliced(2, 1) : expected, remainder)
    // A loop that leaves with the last batch has finished its epoch.
    await firstIds(epochs, remainder === 'drop' ? 10500 : 12000)
    assert.equal(epochs.epoch, 2)
    assert.deepEqual(await firstIds(epochs, 1), order(12000, 1, 2).slice(0, 3500))
  }
})

test('an iteration that is broken off does not count, and the third time there is a warning', async () => {
  const warnings = []
  const client = new Client(server.base, { onWarning: message => warnings.push(message) })
  const epochs = client.dataset('mnist').split('val').epochs({ batchSize: 1000, seed: 1, normalization: 'raw' })
  for (const expected of [0, 0, 1, 1, 1]) {
    assert.deepEqual(await firstIds(epochs, 2000), order(12000, 1, 0).slice(0, 2000))
    assert.deepEqual([epochs.epoch, epochs.state().offset], [0, 2000])
    assert.equal(warnings.length, expected)
  }
  assert.match(warnings[0], /epoch 0 of val begins for the third time.*advanceOnBreak: true/)
  assert.deepEqual(await collectIds(epochs), order(12000, 1, 0))
  assert.deepEqual(await collectIds(epochs), order(12000, 1, 1))
})

test('the rest of an epoch that is broken off begins at the position of its state again', async () => {
  const { version } = await get('batch_size=1')
  const state = { version, seed: 1, epoch: 2, offset: 9000 }
  const epochs = await val.epochs({ batchSize: 1000, seed: 1, normalization: 'raw' }).resume(state)
  const rest = order(12000, 1, 2).slice(9000)
  assert.deepEqual(await firstIds(epochs, 2000), rest.slice(0, 2000))
  assert.deepEqual([epochs.state().offset, await epochs.remaining()], [11000, 3])
  assert.deepEqual(await collectIds(epochs), rest)
  assert.deepEqual(await collectIds(epochs), order(12000, 1, 3))
})

test('with advanceOnBreak, an iteration that is broken off is followed by the next epoch', async () => {
  const warnings = []
  const client = new Client(server.base, { onWarning: message => warnings.push(message) })
  const options = { batchSize: 1000, seed: 1, normalization: 'raw', advanceOnBreak: true }
  const epochs = client.dataset('mnist').split('val').epochs(options)
  for (const epoch of [0, 1, 2, 3]) {
    assert.equal(epochs.epoch, epoch)
    assert.deepEqual(await firstIds(epochs, 2000), order(12000, 1, epoch).slice(0, 2000))
    assert.equal(epochs.epoch, epoch + 1)
    // What the loop has got; a run that resumes there gets the rest.
    assert.deepEqual([epochs.state().epoch, epochs.state().offset], [epoch, 2000])
  }
  epochs.setEpoch(epochs.epoch)
  assert.deepEqual([epochs.state().epoch, epochs.state().offset], [4, 0])
  // An iterator that is abandoned without `return`, as by fitDataset.
  const iterator = epochs[Symbol.asyncIterator]()
  assert.deepEqual([...(await iterator.next()).value.ids.data], order(12000, 1, 4).slice(0, 1000))
  assert.deepEqual(await collectIds(epochs), order(12000, 1, 5))
  assert.deepEqual(warnings, [])
})

test('an iteration that fails before its first batch can be repeated at the position of its state', async () => {
  let isBroken = false
  const fetchUnlessBroken = (...request) => isBroken ? Promise.reject(refuse()) : fetch(...request)
  const client = new Client(server.base, { fetch: fetchUnlessBroken, giveUpAfter: 0, onWarning () {} })
  const epochs = client.dataset('mnist').split('val').epochs({ batchSize: 1000, seed: 1, normalization: 'raw' })
  const { version } = await client.dataset('mnist').describe()
  await epochs.resume({ version, seed: 1, epoch: 3, offset: 9000 })
  isBroken = true
  for (let i = 0; i < 3; i++) await assert.rejects(collectIds(epochs), /cannot be reached/)
  assert.deepEqual([epochs.epoch, epochs.state().offset], [3, 9000])
  isBroken = false
  assert.deepEqual(await collectIds(epochs), order(12000, 1, 3).slice(9000))
  assert.deepEqual(await collectIds(epochs), order(12000, 1, 4))
})

test('the length is that of a whole epoch, and what is left of it has another name', async () => {
  const epochs = val.epochs({ batchSize: 1000, seed: 1, normalization: 'raw' })
  const count = async () => [await epochs.length(), await epochs.remaining()]
  assert.deepEqual(await count(), [12, 12])
  let delivered = 0
  for await (const batch of epochs) {
    delivered += Math.sign(batch.size)
    assert.deepEqual(await count(), [12, delivered === 12 ? 12 : 12 - delivered])
  }
  await epochs.resume({ ...epochs.state(), epoch: 5, offset: 7500 })
  assert.deepEqual(await count(), [12, 5])
  epochs.setEpoch(5)
  assert.deepEqual(await count(), [12, 5], 'the position of a state in the same epoch is kept')
  assert.deepEqual(await collectIds(epochs), order(12000, 1, 5).slice(7500))
  assert.deepEqual(await count(), [12, 12])
  await epochs.resume({ ...epochs.state(), epoch: 5, offset: 7500 })
  epochs.setEpoch(6)
  assert.deepEqual(await count(), [12, 12])
})

test('a state that leaves no batch is the start of the next epoch', async () => {
  const { version } = await get('batch_size=1')
  const cases = [[12000, 'keep'], [12000, 'pad'], [12000, 'drop'], [11001, 'drop']]
  for (const [offset, remainder] of cases) {
    const epochs = val.epochs({ batchSize: 1000, seed: 1, remainder, normalization: 'raw' })
    await epochs.resume({ version, seed: 1, epoch: 2, offset })
    assert.deepEqual([epochs.epoch, epochs.state().offset], [3, 0])
    assert.deepEqual(await collectIds(epochs), order(12000, 1, 3))
  }
})

test('an iteration that goes on after another one has begun is an error', async () => {
  const epochs = val.epochs({ batchSize: 1000, seed: 1, normalization: 'raw' })
  const first = epochs[Symbol.asyncIterator]()
  assert.equal((await first.next()).value.size, 1000)
  const second = epochs[Symbol.asyncIterator]()
  assert.equal((await second.next()).value.size, 1000)
  await assert.rejects(first.next(), /another iteration .* has begun/)
  assert.equal((await second.next()).value.size, 1000)
  assert.equal(epochs.state().offset, 2000)
})

/** Breaks off after some samples. */
async function firstIds (epochs, count) {
  const ids = []
  for await (const batch of epochs) {
    ids.push(...batch.ids.data)
    if (ids.length >= count) break
  }
  return ids
}

test('a state describes what was delivered, and fits no other dataset, split, version or seed', async () => {
  const epochs = val.epochs({ batchSize: 100, seed: 5, prefetch: 4, normalization: 'raw' })
  assert.throws(() => epochs.state(), StateError)
  let delivered = 0
  for await (const batch of epochs) {
    delivered += batch.size
    assert.equal(epochs.state().offset, delivered)
    if (delivered === 700) break
  }
  const state = JSON.parse(JSON.stringify(epochs.state()))
  const faults = [
    [{ ...state, version: '0000000000000000' }, /version/],
    [{ ...state, dataset: 'fashion', version: '0000000000000000' }, /dataset fashion, and these batches have mnist/],
    [{ ...state, split: 'test' }, /split test, and these batches have val/],
    [{ ...state, version: undefined }, /version undefined/],
    [{ ...state, seed: undefined }, /seed undefined/],
    [{ ...state, seed: 6 }, /seed 6/],
    [{ ...state, seed: null }, /seed null/],
    [{ ...state, offset: 12001 }, /12000 samples/],
    [{ ...state, offset: -1 }, /offset/],
    [{ ...state, epoch: 0.5 }, /epoch/],
    [{ ...state, epoch: '1' }, /epoch of the state is '1'/],
    [null, /a state is an object/],
    ['{}', /a state is an object/]
  ]
  for (const [wrong, message] of faults) {
    await assert.rejects(epochs.resume(wrong), error => error instanceof StateError && message.test(error.message))
  }
  const { dataset, split, ...position } = state
  const rest = await collectIds(await val.epochs({ batchSize: 4096, seed: 5, normalization: 'raw' }).resume(position))
  const all = await collectIds(val.epochs({ batchSize: 4096, seed: 5, normalization: 'raw' }))
  assert.deepEqual(rest, all.slice(700))
})

test('a run that is killed 20 times and resumed with other sizes sees exactly the ids of another one', async () => {
  const random = createRandom(16)
  const common = { seed: 9, normalization: 'raw', unevenRanks: true }
  const uninterrupted = [0, 1].flatMap(epoch => order(12000, 9, epoch))
  const ids = []
  let state
  for (let run = 0; run <= 20; run++) {
    const isLast = run === 20
    const sizes = { batchSize: isLast ? 1000 : 1 + random(200), worldSize: 1 + random(4), prefetch: random(5) }
    const options = { ...common, ...sizes, remainder: ['keep', 'pad'][random(2)] }
    const lines = await runAndKill(options, state, isLast ? Infinity : random(8), random(20))
    for (const line of lines) ids.push(...line.ids)
    state = lines.at(-1)?.state ?? state
  }
  assert.deepEqual(ids.length, uninterrupted.length)
  assert.deepEqual(ids, uninterrupted)
})

/** The lines of a run that is killed some milliseconds after a line. */
async function runAndKill (options, state, killAfter, ms) {
  const program = fileURLToPath(new URL('run.js', import.meta.url))
  const parameters = [JSON.stringify(options), ...(state ? [JSON.stringify(state)] : [])]
  const args = [program, server.base, '2', ...parameters]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = []
  const kill = () => delay(ms).then(() => child.kill('SIGKILL'))
  if (killAfter === 0) child.once('spawn', kill)
  for await (const line of createInterface(child.stdout)) {
    // The kill may cut the last line.
    try { lines.push(JSON.parse(line)) } catch { break }
    if (lines.length === killAfter) kill()
  }
  return lines
}

test('a restart of the server in the middle of an epoch costs a pause and nothing else', async t => {
  let current = await startService()
  t.after(() => current.stop())
  const { url } = await proxy(t, () => current?.base)
  const options = { batchSize: 500, seed: 2, normalization: 'raw' }
  const epochs = new Client(url, { onWarning () {} }).dataset('mnist').split('val').epochs(options)
  const ids = []
  let restarted
  for await (const batch of epochs) {
    ids.push(...batch.ids.data)
    if (ids.length !== 3000) continue
    current.child.kill('SIGKILL')
    current = undefined
    restarted = startService().then(server => { current = server })
  }
  await restarted
  assert.deepEqual(ids, await collectIds(val.epochs({ ...options, batchSize: 4096 })))
})

test('connections that are reset in the middle of a body cost a pause and nothing else', async t => {
  const random = createRandom(3)
  const { url, connections } = await proxy(t, () => server.base, i => i % 2 ? Infinity : 1 + random(900_000))
  const options = { batchSize: 500, seed: 4, normalization: 'raw' }
  const epochs = new Client(url, { onWarning () {} }).dataset('mnist').split('val').epochs(options)
  assert.deepEqual(await collectIds(epochs), await collectIds(val.epochs({ ...options, batchSize: 4096 })))
  assert(connections() > 3)
})

test('ranks without samples in the last page get none, and pages are the same for all', async () => {
  const iterate = async (rank, remainder, unevenRanks) => {
    const options = { batchSize: 4000, worldSize: 4, rank, remainder, unevenRanks, normalization: 'raw' }
    const epochs = val.epochs(options)
    const ids = await collectIds(epochs)
    return [ids.length, epochs.state().epoch, epochs.state().offset]
  }
  for (const [rank, samples] of [[0, 4000], [2, 4000], [3, 0]]) {
    assert.deepEqual(await iterate(rank, 'keep', true), [samples, 1, 0])
    await assert.rejects(iterate(rank, 'keep'), error => {
      assert(error instanceof RangeError)
      assert.match(error.message, /rank 0 1 batches and rank 3 0.*unevenRanks: true/)
      return true
    })
  }
  assert.deepEqual(await iterate(3, 'pad'), [4000, 1, 0])
  await assert.rejects(iterate(0, 'drop'), /leaves nothing: val has 12000 samples, too few for 4 batches of 4000/)
})

test('ranks with uneven batches in the rest of an epoch or in the next one are refused', async () => {
  const { version } = await get('batch_size=1')
  const iterate = async (batchSize, offset) => {
    const epochs = val.epochs({ batchSize, rank: 0, worldSize: 2, remainder: 'keep', normalization: 'raw' })
    return await collectIds(await epochs.resume({ version, seed: null, epoch: 0, offset }))
  }
  assert.equal((await iterate(3000, 6000)).length, 3000)
  await assert.rejects(iterate(3000, 3000), /unevenRanks/)
  await assert.rejects(iterate(4000, 4000), /unevenRanks/)
})
