/** The client in Chromium, from a page of another origin. Skipped without Chromium. */
/* global location, Worker */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client } from 'mnist-batch-client'
import { launchChromium } from '../../../examples/tfjs/chromium.js'
import { servePage } from '../../../examples/tfjs/serve.js'
import { startService } from '../../../scripts/lib/server.js'
import { prepareTfjs } from '../../../scripts/lib/tfjs.js'
import { collectIds, createRandom, proxy } from './fixtures.js'
import { batchesOf, order } from './order.js'

const skip = prepareTfjs({ browser: true })
let server
let page
let browser
before(async () => {
  if (skip) return
  server = await startService()
  page = await servePage()
  browser = await launchChromium()
})
after(async () => {
  await browser?.close()
  page?.stop()
  await server?.stop()
})

/** Runs a function with the module of the client in a new tab, without the cache of others. */
async function runInTab (execute, parameters) {
  const context = await browser.newContext()
  const tab = await context.newPage()
  try {
    // Any page of this origin; the one that trains would begin to.
    await tab.goto(`${page.url}train.js`)
    await tab.evaluate(async () => { window.client = await import('/client/index.js') })
    return await tab.evaluate(execute, parameters)
  } finally {
    await context.close()
  }
}

test('batches are typed arrays, and the same as in Node.js', { skip }, async () => {
  const found = await runInTab(async base => {
    const train = new window.client.Client(base).dataset('mnist').split('test')
      .epochs({ batchSize: 3000, seed: 7 })
    const batches = []
    for await (const { images, labels, ids } of train) {
      batches.push({
        types: [images, labels, ids].map(({ data }) => data.constructor.name),
        shape: images.shape,
        ids: [...ids.data],
        sum: images.data.reduce((sum, value) => sum + value, 0)
      })
    }
    return batches
  }, server.base)
  const expected = []
  const epochs = new Client(server.base).dataset('mnist').split('test').epochs({ batchSize: 3000, seed: 7 })
  for await (const { images, ids } of epochs) {
    expected.push({
      types: ['Float32Array', 'BigInt64Array', 'Int32Array'],
      shape: [...images.shape],
      ids: [...ids.data],
      sum: images.data.reduce((sum, value) => sum + value, 0)
    })
  }
  assert.deepEqual(found, expected)
})

test('a second iteration comes from the cache of the browser', { skip }, async t => {
  const temporary = await startService()
  const context = await browser.newContext()
  t.after(() => context.close())
  const tab = await context.newPage()
  await tab.goto(`${page.url}train.js`)
  const iterate = async base => {
    const { Client } = await import('/client/index.js')
    // Browsers do not store responses of several megabytes.
    const options = { batchSize: 1000, seed: 7, normalization: 'raw' }
    window.split ??= new Client(base, { giveUpAfter: 0 }).dataset('mnist').split('test')
    const ids = []
    for await (const batch of window.split.epochs(options)) ids.push(...batch.ids.data)
    return ids
  }
  const first = await tab.evaluate(iterate, temporary.base)
  await temporary.stop()
  assert.deepEqual(await tab.evaluate(iterate, temporary.base), first)
})

test('a state of one tab continues in another one with other sizes', { skip }, async () => {
  const first = await runInTab(async base => {
    const train = new window.client.Client(base).dataset('mnist').split('test').epochs({ batchSize: 300, seed: 7 })
    const ids = []
    for await (const batch of train) {
      ids.push(...batch.ids.data)
      if (ids.length === 2100) return { ids, state: JSON.stringify(train.state()) }
    }
  }, server.base)
  const rest = await runInTab(async ({ base, state }) => {
    const split = new window.client.Client(base).dataset('mnist').split('test')
    const ids = []
    for await (const batch of await split.epochs({ batchSize: 777, seed: 7 }).resume(JSON.parse(state))) {
      ids.push(...batch.ids.data)
    }
    return ids
  }, { base: server.base, state: first.state })
  const all = new Client(server.base).dataset('mnist').split('test').epochs({ batchSize: 4096, seed: 7 })
  assert.deepEqual([...first.ids, ...rest], await collectIds(all))
})

test('errors have the words of the server', { skip }, async () => {
  const error = await runInTab(async base => {
    const { Client, BatchServerError } = window.client
    try {
      const epochs = new Client(base).dataset('mnist').split('train').epochs({ augment: 'turn:5' })
      await epochs[Symbol.asyncIterator]().next()
    } catch (error) {
      const { status, code, message, allowed } = error
      return { isOwn: error instanceof BatchServerError, status, code, message, allowed }
    }
  }, server.base)
  assert.deepEqual([error.isOwn, error.status, error.code], [true, 400, 'invalid_parameter'])
  assert.match(JSON.stringify(error.allowed), /rotate/)
})

test('connections that are reset in the middle of a body cost a pause', { skip }, async t => {
  const random = createRandom(5)
  const { url, connections } = await proxy(t, () => server.base, i => i % 2 ? Infinity : 1 + random(900_000))
  const ids = await runInTab(async base => {
    const client = new window.client.Client(base, { onWarning () {} })
    const ids = []
    for await (const batch of client.dataset('mnist').split('test').epochs({ batchSize: 500, seed: 4 })) {
      ids.push(...batch.ids.data)
    }
    return ids
  }, url)
  const all = new Client(server.base).dataset('mnist').split('test').epochs({ batchSize: 4096, seed: 4 })
  assert.deepEqual(ids, await collectIds(all))
  assert(connections() > 1)
})

test('a Web Worker has the ids of each epoch, fresh and resumed', { skip }, async () => {
  const found = await runInTab(async base => {
    const program = `
      import { Client } from '${location.origin}/client/index.js'
      const split = new Client('${base}').dataset('mnist').split('train')
      const iterate = async (epochs, end) => {
        const steps = []
        while (epochs.epoch < end) {
          for await (const { ids, images } of epochs) {
            postMessage(images.data, [images.data.buffer])
            steps.push({ ids: [...ids.data], state: epochs.state() })
          }
        }
        return steps
      }
      const found = {}
      for (const batchSize of [128, 1000]) {
        const options = { batchSize, seed: 7, normalization: 'raw' }
        const fresh = await iterate(split.epochs(options), 3)
        const resume = async ({ state }) => await iterate(await split.epochs(options).resume(state), 2)
        found[batchSize] = {
          fresh: fresh.map(({ ids }) => ids),
          middle: (await resume(fresh[9])).map(({ ids }) => ids),
          end: (await resume(fresh[fresh.length / 3 - 1])).map(({ ids }) => ids)
        }
      }
      postMessage(found)
    `
    const url = URL.createObjectURL(new Blob([program], { type: 'text/javascript' }))
    const worker = new Worker(url, { type: 'module' })
    return await new Promise((resolve, reject) => {
      worker.onerror = ({ message }) => reject(new Error(message))
      worker.onmessage = ({ data }) => { if (!ArrayBuffer.isView(data)) resolve(data) }
    })
  }, server.base)
  const epochs = [0, 1, 2].map(epoch => order(48_000, 7, epoch))
  for (const batchSize of [128, 1000]) {
    const { fresh, middle, end } = found[batchSize]
    assert.deepEqual(fresh, epochs.flatMap(ids => batchesOf(ids, { batchSize })))
    const rest = batchesOf(epochs[0], { batchSize, offset: 10 * batchSize })
    assert.deepEqual(middle, [...rest, ...batchesOf(epochs[1], { batchSize })])
    assert.deepEqual(end, batchesOf(epochs[1], { batchSize }))
  }
})

test('a page trains with fitDataset', { skip }, async t => {
  const tab = await browser.newPage()
  t.after(() => tab.close())
  await tab.goto(`${page.url}?${new URLSearchParams({ url: server.base, epochs: '1' })}`)
  const { test_accuracy: accuracy, options } = await tab.evaluate(() => window.result)
  assert.equal(options.backend, 'wasm')
  assert(accuracy > 0.9, `test accuracy ${accuracy}`)
})
