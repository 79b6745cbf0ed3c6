/** States that cross from one language to the other. Skipped without NumPy. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client } from 'mnist-batch-client'
import { startService } from '../../../scripts/lib/server.js'
import { collectIds } from './fixtures.js'
import { order } from './order.js'

const { status } = spawnSync('python3', ['-c', 'import numpy'], { stdio: 'ignore' })
const skip = status === 0 ? false : 'no python3 with numpy'

/** Resumes, iterates one epoch or the first batches of one, and prints their ids and the state. */
const program = `
import json, sys
from mnist_batches import Batches, Client
url, options, state, limit = sys.argv[1], *map(json.loads, sys.argv[2:])
batches = Batches(Client(url), 'mnist', 'val', **options)
if state:
    batches.load_state_dict(state)
ids = []
for count, batch in enumerate(batches, 1):
    ids += batch.ids.tolist()
    if count == limit:
        break
print(json.dumps({'ids': ids, 'state': batches.state_dict()}))
`

let server
let val
before(async () => {
  server = await startService()
  val = new Client(server.base).dataset('mnist').split('val')
})
after(() => server?.stop())

async function runPython (options, state = null, limit = 0) {
  const env = {
    ...process.env,
    PYTHONPATH: fileURLToPath(new URL('../../python/src', import.meta.url)),
    PYTHONDONTWRITEBYTECODE: '1'
  }
  const parameters = [server.base, ...[options, state, limit].map(value => JSON.stringify(value))]
  const { stdout } = await promisify(execFile)('python3', ['-c', program, ...parameters], { env })
  return JSON.parse(stdout)
}

async function runTypeScript (options, state, limit = 0) {
  const epochs = val.epochs(options)
  if (state) await epochs.resume(state)
  const ids = []
  let count = 0
  for await (const batch of epochs) {
    ids.push(...batch.ids.data)
    if (++count === limit) break
  }
  return { ids, state: JSON.parse(JSON.stringify(epochs.state())) }
}

for (const seed of [5, undefined]) {
  for (const remainder of ['keep', 'drop', 'pad']) {
    test(`a state with seed ${seed} and ${remainder} continues in the other language`, { skip }, async () => {
      const [first, second] = [0, 1].map(epoch => order(12_000, seed, epoch))
      const python = { batch_size: 700, seed: seed ?? null, remainder }
      const typescript = { batchSize: 700, seed, remainder }

      const begun = [await runPython(python, null, 3), await runTypeScript(typescript, undefined, 3)]
      assert.deepEqual(begun[0], begun[1])
      assert.deepEqual(begun[0].ids, first.slice(0, 2100))
      const rest = [await runPython(python, begun[1].state), await runTypeScript(typescript, begun[0].state)]
      assert.deepEqual(rest[0], rest[1])
      const end = remainder === 'drop' ? 11_900 : 12_000
      assert.deepEqual(rest[0].ids.slice(0, end - 2100), first.slice(2100, end))

      // The end of an epoch is the start of the next one.
      const { version } = begun[0].state
      const state = { dataset: 'mnist', split: 'val', version, seed: seed ?? null, epoch: 1, offset: 0 }
      assert.deepEqual(rest.map(({ state }) => state), [state, state])
      const next = [await runPython(python, rest[1].state, 2), await runTypeScript(typescript, rest[0].state, 2)]
      assert.deepEqual(next[0], next[1])
      assert.deepEqual(next[0].ids, second.slice(0, 1400))
    })
  }
}

test('a break that ends an epoch leaves the same state in both languages', { skip }, async () => {
  const python = await runPython({ batch_size: 700, seed: 5, advance_on_break: true }, null, 3)
  assert.deepEqual(python, await runTypeScript({ batchSize: 700, seed: 5, advanceOnBreak: true }, undefined, 3))
  assert.deepEqual([python.state.epoch, python.state.offset], [0, 2100])
})

test('a single rank of each language has the same samples of an epoch', { skip }, async () => {
  const { ids } = await runPython({ seed: 5 })
  assert.deepEqual(ids, await collectIds(val.epochs({ seed: 5 })))
})
