import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { ArtifactStore } from '../../src/artifact/store.ts'
import type { DatasetMap, MapSource } from '../../src/dataset/dataset-map.ts'
import { computeMap } from '../../src/map/compute-map.ts'
import { createMapSource, type ComputeMap, type MapOptions } from '../../src/map/map-source.ts'
import { prepared } from '../fixtures/prepared.ts'

const dataset = prepared({ train: 20, val: 3, test: 0 })
const file = `prepared/${dataset.version}.map`

function sourceIn (folder: string, options: Partial<MapOptions> = {}) {
  const warnings: string[] = []
  const warn = (message: string): void => { warnings.push(message) }
  const { signal } = new AbortController()
  const store = new ArtifactStore(folder, 4)
  return { warnings, source: createMapSource(dataset, { store, signal, warn, ...options }) }
}

/** Waits for the map, as a client does. */
async function poll (source: MapSource): Promise<DatasetMap> {
  for (;;) {
    const map = await source.get()
    if ('points' in map) return map
    await delay(5)
  }
}

const inThisThread: ComputeMap = async input => computeMap(input)
const never: ComputeMap = async () => { throw new Error('not to be computed') }

async function computed (t: Test) {
  const folder = t.testdir()
  const map = await poll(sourceIn(folder, { compute: inThisThread }).source)
  return { folder, map, path: join(folder, file) }
}

t.test('the first request starts the computation, in a thread that reports how far it is', async t => {
  const { source } = sourceIn(t.testdir())
  t.same(await source.get(), { stage: 'components', done: 0 })
  const map = await poll(source)
  const { hash, ...content } = map
  t.same(content, computeMap(dataset))
  t.match(hash, /^[0-9a-f]{16}$/)
  t.equal(await source.get(), map)
})

t.test('a map is restored from its file', async t => {
  const { folder, map } = await computed(t)
  t.same(await sourceIn(folder, { compute: never }).source.get(), map)
})

t.test('a dataset with too many samples has no map', async t => {
  const { source } = sourceIn(t.testdir(), { compute: never, maxSamples: 22 })
  const message = 'made-up has 23 samples, but a map can have at most 22'
  await t.rejects(source.get(), { code: 'no_map', message })
  await poll(sourceIn(t.testdir(), { compute: inThisThread, maxSamples: 23 }).source)
})

t.test('a damaged map is quarantined and computed again', async t => {
  const { folder, map, path } = await computed(t)
  const intact = await readFile(path)
  const changed = Buffer.concat([intact.subarray(0, -1), Buffer.of(1)])
  for (const damaged of [intact.subarray(0, -1), Buffer.alloc(3), changed]) {
    await writeFile(path, damaged)
    const { source, warnings } = sourceIn(folder, { compute: inThisThread })
    t.same(await poll(source), map)
    t.match(warnings, [/^the map of version \w+ is not used: the map is damaged$/])
    t.same(await readFile(join(folder, 'corrupt', `${dataset.version}.map`)), damaged)
    t.same(await readFile(path), intact)
  }
})

t.test('a failure is reported to clients, and nothing is written', async t => {
  const folder = t.testdir()
  const { source, warnings } = sourceIn(folder, { compute: async () => { throw new Error('out of memory') } })
  await t.rejects(poll(source), { code: 'map_failed', message: 'out of memory', headers: { 'retry-after': '60' } })
  t.match(warnings, [/cannot be computed: out of memory$/])
  await t.rejects(readdir(join(folder, 'prepared')), { code: 'ENOENT' })
})

t.test('a stopping server ends the thread', async t => {
  const stopping = new AbortController()
  const { source, warnings } = sourceIn(t.testdir(), { signal: stopping.signal })
  await source.get()
  stopping.abort(new Error('the server is stopping'))
  await t.rejects(poll(source), { code: 'map_failed' })
  t.same(warnings, [])
})
