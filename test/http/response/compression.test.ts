import { once } from 'node:events'
import { Readable, pipeline } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { compressGroups, type Coding } from '../../../src/http/response/compression.ts'
import { appOver } from '../../fixtures/app.ts'
import { decompressors } from '../../fixtures/codings.ts'
import { prepared } from '../../fixtures/prepared.ts'

const files = Array.from({ length: 4 }, (_, i) => ({
  name: `file-${i}`,
  bytes: 1000 + i,
  sha256: 'c0ffee'.repeat(10),
  source: 'nowhere',
  gzipped: false
}))
const gzips = files.map(({ name }) => ({ name: `${name}.gz`, original: false, made: 'compressed' as const }))
const made = prepared({ train: 60, val: 2, test: 1 }, { rows: 28, columns: 28 })
const dataset = { ...made, files, originals: { ...made.originals, gzips } }
const base = '/v1/datasets/made-up'
const batches = `${base}/splits/train/batches`

const compressed = [
  batches,
  `${batches}?normalization=raw&format=npz`,
  `${batches}?normalization=raw&format=safetensors`,
  `${batches}?dtype=float16`,
  `${base}/mean`,
  `${base}/splits/val/samples/1`,
  base
]
const uncompressed = [
  ...['npz', 'safetensors'].flatMap(format => ['float32', 'float16'].flatMap(dtype => {
    return ['centered', 'unit', 'standard'].map(normalization => {
      return `${batches}?format=${format}&dtype=${dtype}&normalization=${normalization}`
    })
  })),
  `${base}/mean?format=npy`,
  `${base}/mean?format=png`,
  `${base}/splits/val/samples/1?format=png`,
  `${base}/splits/train`,
  `${batches}?world_size=61&rank=60&batch_size=1`
]

t.test('every coding preserves the body, and has its own tag', async t => {
  const { app } = await appOver(t, [dataset])
  for (const url of compressed) {
    const plain = await app.inject(url)
    t.equal(plain.headers['content-encoding'], undefined)
    const tags = new Set([plain.headers['etag']])
    for (const [coding, { whole: decompress }] of Object.entries(decompressors)) {
      const headers = { 'accept-encoding': coding }
      const response = await app.inject({ url, headers })
      t.equal(response.headers['content-encoding'], coding, `${url} as ${coding}`)
      t.equal(response.headers['content-type'], plain.headers['content-type'])
      t.match(response.headers['vary'], /Accept-Encoding/)
      t.ok(decompress(response.rawPayload).equals(plain.rawPayload), 'the same body')
      t.ok(response.rawPayload.length < plain.rawPayload.length, 'in fewer bytes')
      t.equal(Number(response.headers['content-length']), response.rawPayload.length)
      tags.add(response.headers['etag'])

      const etag = response.headers['etag'] as string
      const again = await app.inject({ url, headers: { ...headers, 'if-none-match': etag } })
      t.same([again.statusCode, again.headers['etag'], again.headers['content-encoding']], [304, etag, undefined])
      const identity = await app.inject({ url, headers: { 'if-none-match': etag } })
      t.equal(identity.statusCode, 200, 'the uncompressed representation has another tag')
      const head = await app.inject({ method: 'HEAD', url, headers })
      for (const name of ['content-length', 'content-encoding', 'etag']) {
        t.equal(head.headers[name], response.headers[name], `HEAD has the same ${name}`)
      }
    }
    t.equal(tags.size, 1 + Object.keys(decompressors).length)
  }
})

t.test('binary floats, pictures and tiny bodies are not compressed', async t => {
  const { app } = await appOver(t, [dataset])
  for (const url of uncompressed) {
    const plain = await app.inject(url)
    const response = await app.inject({ url, headers: { 'accept-encoding': 'gzip, br, zstd' } })
    t.equal(response.statusCode, 200)
    t.equal(response.headers['content-encoding'], undefined, url)
    t.equal(response.headers['etag'], plain.headers['etag'])
    t.ok(response.rawPayload.equals(plain.rawPayload))
  }
})

t.test('the coding is negotiated', async t => {
  const { app } = await appOver(t, [dataset])
  const best = 'zstd' in decompressors ? 'zstd' : 'br'
  const cases: Array<[accepted: string, coding: string | undefined]> = [
    ['', undefined], ['identity', undefined], ['deflate', undefined],
    ['gzip;q=0', undefined], ['gzip;q=0, br;q=0, zstd;q=0', undefined], ['*;q=0', undefined],
    ['gzip', 'gzip'], ['GZIP', 'gzip'], ['gzip;q=0.5, identity;q=0.9', undefined],
    ['gzip, br;q=0.9', 'gzip'], ['deflate, gzip;q=0.2', 'gzip'],
    ['gzip, deflate, br', 'br'], ['gzip, deflate, br, zstd', best], ['*', best], ['nonsense;;;', undefined]
  ]
  for (const [accepted, coding] of cases) {
    const response = await app.inject({ url: batches, headers: { 'accept-encoding': accepted } })
    t.equal(response.headers['content-encoding'], coding, `'${accepted}'`)
  }
})

const codings = Object.keys(decompressors) as Coding[]

/** Groups that differ, and are long enough that a compressor would not hold them back for being few bytes. */
const groups = Array.from({ length: 5 }, (_, i) => [
  Buffer.from(`page ${i}: `),
  Buffer.alloc(0),
  Buffer.alloc(3000, String(i)),
  Buffer.from('\n')
])

t.test('a client can read each group of a compressed stream before the next one is computed', async t => {
  for (const coding of codings) {
    let computeNext = (): void => {}
    const compressed = compressGroups(coding, (async function * () {
      for (const group of groups) {
        const requested = new Promise<void>(resolve => { computeNext = resolve })
        yield group
        await requested
      }
    })())
    const bytes = Readable.from((async function * () { for await (const [chunk] of compressed) yield chunk })())
    const reader = pipeline(bytes, decompressors[coding]!.stream(), () => {})
    let text = ''
    for (const group of groups) {
      const expected = text + Buffer.concat(group)
      while (text.length < expected.length) text += (await once(reader, 'data') as [Buffer])[0]
      t.equal(text, expected, coding)
      reader.pause()
      computeNext()
      reader.resume()
    }
    await once(reader, 'end')
  }
})

t.test('the bytes of a compressed stream do not depend on how soon its end follows', async t => {
  for (const coding of codings) {
    const bodies = await Promise.all([0, 1, 10, 100].map(async turns => {
      const compressed = compressGroups(coding, (async function * () {
        yield * groups
        yield [Buffer.from('a short last group')]
        for (let turn = 0; turn < turns; turn++) await setImmediate()
      })())
      return await buffer((async function * () { for await (const [chunk] of compressed) yield chunk })())
    }))
    for (const body of bodies) t.same(body, bodies[0], coding)
  }
})

t.test('an error in a group is the error of the compressed stream, which then lacks its end', async t => {
  for (const coding of codings) {
    const chunks: Uint8Array[] = []
    const compressed = compressGroups(coding, (async function * () {
      yield * groups
      throw new Error('no such pixels')
    })())
    const reading = (async () => { for await (const [chunk] of compressed) chunks.push(chunk) })()
    await t.rejects(reading, { message: 'no such pixels' })
    t.throws(() => decompressors[coding]!.whole(Buffer.concat(chunks)), `${coding}: cut off`)
  }
})

t.test('a compressed stream that is not read to its end stops computing groups', async t => {
  for (const coding of codings) {
    let computed = 0
    let stop = (): void => {}
    const stopped = new Promise<void>(resolve => { stop = resolve })
    const compressed = compressGroups(coding, (async function * () {
      try {
        for (;;) yield [Buffer.alloc(1 << 20, ++computed)]
      } finally {
        stop()
      }
    })())
    t.ok((await compressed.next()).value![0].byteLength > 0)
    await compressed.return(undefined)
    await stopped
    t.ok(computed < 10, `${computed} groups computed`)
  }
})

t.test('pooled chunks are released once they are compressed', async t => {
  for (const coding of codings) {
    let released = 0
    const chunks = groups.flat().map(bytes => ({ bytes, release: () => { released++ } }))
    const compressed = compressGroups(coding, (async function * () { yield chunks })())
    const body = await buffer((async function * () { for await (const [chunk] of compressed) yield chunk })())
    t.ok(decompressors[coding]!.whole(body).equals(Buffer.concat(groups.flat())))
    t.equal(released, chunks.length)
  }
})
