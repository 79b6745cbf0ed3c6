import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Client, StateError } from 'mnist-batch-client'
import { startService } from '../../../scripts/lib/server.js'
import { collectIds, createRandom, proxy } from './fixtures.js'

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

  for await (const { images, labels, mask } of val.epochs({ batchSize: 4096, remainder: 'pad', pad: 32 })) {
    assert(images.data instanceof Float32Array && labels.data instanceof Float32Array)
    assert.deepEqual([images.shape, labels.shape, mask.shape], [[4096, 1024], [4096, 10], [4096]])
  }
  for await (const { images } of val.epochs({ batchSize: 4096, dtype: 'float16' })) {
    assert(images.data instanceof Uint16Array)
  }
})

test('every iteration begins anew, and has every sample of every epoch once', async () => {
  const epochs = val.epochs({ batchSize: 1000, seed: 1, epochs: 2, normalization: 'raw' })
  const first = await collectIds(epochs)
  assert.deepEqual(await collectIds(epochs), first)
  const [one, two] = [first.slice(0, 12000), first.slice(12000)]
  assert.notDeepEqual(one, two)
  for (const ids of [one, two]) assert.equal(new Set(ids).size, 12000)
  const iterator = epochs[Symbol.asyncIterator]()
  assert.equal((await iterator.next()).value.ids.data[0], first[0])
  await iterator.return()
  const { version } = await get('batch_size=1')
  assert.deepEqual(epochs.state(), { dataset: 'mnist', split: 'val', version, seed: 1, epoch: 0, offset: 1000 })
})

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
    [{ ...state, epoch: 0.5 }, /epoch/]
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
  const common = { seed: 9, epochs: 2, normalization: 'raw', labels: 'index' }
  const uninterrupted = await collectIds(val.epochs({ ...common, batchSize: 4096 }))
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
  const child = spawn(process.execPath, [program, server.base, ...parameters], { stdio: ['ignore', 'pipe', 'inherit'] })
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
  const epochs = new Client(url, { retries: 20 }).dataset('mnist').split('val').epochs(options)
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
  const epochs = new Client(url, { retries: 20 }).dataset('mnist').split('val').epochs(options)
  assert.deepEqual(await collectIds(epochs), await collectIds(val.epochs({ ...options, batchSize: 4096 })))
  assert(connections() > 3)
})

test('ranks without samples in the last page get none, and pages are the same for all', async () => {
  const iterate = async (rank, remainder) => {
    const options = { batchSize: 4000, worldSize: 4, rank, remainder, normalization: 'raw' }
    const epochs = val.epochs(options)
    const ids = await collectIds(epochs)
    return [ids.length, epochs.state().offset]
  }
  assert.deepEqual(await Promise.all([0, 2, 3].map(rank => iterate(rank, 'keep'))), [
    [4000, 12000], [4000, 12000], [0, 12000]
  ])
  assert.deepEqual(await iterate(3, 'pad'), [4000, 12000])
  assert.deepEqual(await iterate(0, 'drop'), [0, 0])
  assert.throws(() => val.epochs({ rank: 2, worldSize: 2 }), /rank must be from 0 to 1/)
})
