/** A client of openapi-typescript and openapi-fetch. */
import assert from 'node:assert/strict'
import createClient from 'openapi-fetch'
import type { components, paths } from './schema.js'

// The second parameter tells which bodies are parsed: those of binary formats would be strings.
const client = createClient<paths, 'application/json' | 'application/problem+json'>({ baseUrl: process.argv[2]! })
const params = {
  path: { dataset: 'mnist', split: 'train' },
  query: { batch_size: 5, seed: 7, labels: 'index' }
} as const

const { data: batch, response } = await client.GET('/v1/datasets/{dataset}/splits/{split}/batches', { params })
assert(batch)
const ids: number[] = batch.ids
assert.equal(ids.length, 5)
assert.equal(batch.images.length, 5)
assert.equal(batch.pages, 9600)
assert.equal(response.headers.get('Batch-Seed'), '7')

const { data: bytes } = await client.GET('/v1/datasets/{dataset}/splits/{split}/batches', {
  params: { ...params, query: { ...params.query, format: 'safetensors' } },
  parseAs: 'arrayBuffer'
})
assert(bytes)
const length: number = bytes.byteLength
assert(length > 5 * 784 * 4)

const { data: gathered } = await client.POST('/v1/datasets/{dataset}/splits/{split}/gather', {
  params: { path: params.path },
  body: { ids: [3, 1] }
})
assert.deepEqual(gathered?.ids, [3, 1])

const { error } = await client.GET('/v1/datasets/{dataset}/splits/{split}/batches', {
  params: { ...params, query: { page: 1_000_000 } }
})
assert(error)
const code: components['schemas']['Problem']['code'] = error.code
assert.equal(code, 'page_out_of_range')
assert.equal(error.pages, 375)
