/** The ids that each step of a training loop receives, in processes and threads, fresh and resumed. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { startService } from '../../../scripts/lib/server.js'
import { batchesOf, order } from './order.js'

const SEED = 7
const orders = [0, 1, 2].map(epoch => order(48_000, SEED, epoch))
const common = { seed: SEED, normalization: 'raw' }

let server
before(async () => { server = await startService() })
after(() => server?.stop())

/** The steps of all ranks, each in a process of its own. */
async function runRanks (worldSize, end, options, state) {
  const ranks = Array.from({ length: worldSize }, (_, rank) => rank)
  return await Promise.all(ranks.map(rank => runRank(rank, worldSize, end, options, state)))
}

async function runRank (rank, worldSize, end, options, state) {
  const program = fileURLToPath(new URL('rank.js', import.meta.url))
  const parameters = [server.base, end, JSON.stringify(options), ...(state ? [JSON.stringify(state)] : [])]
  const child = spawn(process.execPath, [program, ...parameters], {
    env: { ...process.env, RANK: rank, WORLD_SIZE: worldSize }, stdio: ['ignore', 'pipe', 'inherit']
  })
  const exit = once(child, 'exit')
  const steps = []
  for await (const line of createInterface(child.stdout)) steps.push(JSON.parse(line))
  assert.deepEqual(await exit, [0, null])
  return steps
}

/** The steps of a thread that gets its batches from a worker. */
async function runWorker (end, options, state) {
  const workerData = { url: server.base, end, options, state }
  const worker = new Worker(new URL('worker.js', import.meta.url), { workerData })
  const exit = once(worker, 'exit')
  const steps = []
  worker.on('message', ({ images, ids, state }) => {
    assert.equal(images.length, 784 * ids.length)
    steps.push({ ids: [...ids], state })
  })
  assert.deepEqual(await exit, [0])
  return steps
}

function idsOf (steps) {
  return steps.map(({ ids }) => ids)
}

for (const batchSize of [128, 1000]) {
  for (const worldSize of [1, 2, 3]) {
    test(`${worldSize} processes with batches of ${batchSize}`, async () => {
      const remainder = worldSize === 1 ? 'keep' : 'drop'
      const expect = (epoch, rank, sizes, offset = 0) => batchesOf(orders[epoch], { remainder, ...sizes, rank, offset })
      const options = { ...common, batchSize }
      const sizes = { batchSize, worldSize }
      const fresh = await runRanks(worldSize, 3, options)
      const perEpoch = fresh[0].length / 3
      for (const [rank, steps] of fresh.entries()) {
        assert.deepEqual(idsOf(steps), [0, 1, 2].flatMap(epoch => expect(epoch, rank, sizes)))
        assert.deepEqual(steps.map(({ state }) => state), fresh[0].map(({ state }) => state))
      }

      const middle = fresh[0][9].state
      assert.deepEqual([middle.epoch, middle.offset], [0, 10 * batchSize * worldSize])
      // Another number of ranks with other batches has exactly the other samples.
      const others = { batchSize: 500, worldSize: worldSize % 3 + 1, remainder: 'keep', unevenRanks: true }
      const resumptions = [[sizes, { ...common, batchSize }], [others, { ...common, ...others, worldSize: undefined }]]
      for (const [sizes, options] of resumptions) {
        const resumed = await runRanks(sizes.worldSize, 2, options, middle)
        for (const [rank, steps] of resumed.entries()) {
          const expected = [...expect(0, rank, sizes, middle.offset), ...expect(1, rank, sizes)]
          assert.deepEqual(idsOf(steps), expected)
        }
      }

      const end = fresh[0][perEpoch - 1].state
      assert.deepEqual([end.epoch, end.offset], [1, 0])
      for (const [rank, steps] of (await runRanks(worldSize, 2, options, end)).entries()) {
        assert.deepEqual(idsOf(steps), expect(1, rank, sizes))
      }
    })
  }

  test(`a worker thread with batches of ${batchSize}`, async () => {
    const options = { ...common, batchSize }
    const fresh = await runWorker(3, options)
    assert.deepEqual(idsOf(fresh), orders.flatMap(ids => batchesOf(ids, { batchSize })))
    const middle = await runWorker(2, options, fresh[9].state)
    const rest = batchesOf(orders[0], { batchSize, offset: 10 * batchSize })
    assert.deepEqual(idsOf(middle), [...rest, ...batchesOf(orders[1], { batchSize })])
    const end = await runWorker(2, options, fresh[fresh.length / 3 - 1].state)
    assert.deepEqual(idsOf(end), batchesOf(orders[1], { batchSize }))
  })
}
