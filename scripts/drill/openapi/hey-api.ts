/** A client of @hey-api/openapi-ts. */
import assert from 'node:assert/strict'
import { client } from './hey-api/client.gen.js'
import { gatherSamples, getBatch } from './hey-api/index.js'

client.setConfig({ baseUrl: process.argv[2]! })
const path = { dataset: 'mnist', split: 'train' }
const query = { batch_size: 5, seed: 7, labels: 'index' } as const

const { data: batch, response } = await getBatch({ path, query })
assert(batch)
const ids: number[] = batch.ids
assert.equal(ids.length, 5)
assert.equal(batch.images.length, 5)
assert.equal(batch.pages, 9600)
assert.equal(response?.headers.get('Batch-Seed'), '7')

// With parseAs: 'stream', the client leaves the body to the caller.
const binary = await getBatch({ path, query: { ...query, format: 'safetensors' }, parseAs: 'stream' })
assert(binary.response)
const bytes: ArrayBuffer = await binary.response.arrayBuffer()
assert(bytes.byteLength > 5 * 784 * 4)

const { data: gathered } = await gatherSamples({ path, body: { ids: [3, 1] } })
assert.deepEqual(gathered?.ids, [3, 1])

const { error } = await getBatch({ path, query: { page: 1_000_000 } })
assert.equal(error?.code, 'page_out_of_range')
assert.equal(error?.pages, 375)
