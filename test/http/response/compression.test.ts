import { once } from 'node:events'
import { Readable, pipeline } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { compressGroups, type Coding } from '../../../src/http/response/compression.ts'
import { appOver } from '../../fixtures/app.ts'
import { decompressors } from '../../fixtures/codings.ts'
import { prepared } from '../../fixtures/prepared.ts'

const files = Array.from({ length: 4 }, (_, i) => ({ name: `file-${i}`, bytes: 1000 + i, sha256: 'c0ffee'.repeat(10), source: 'nowhere', gzipped: false }))
const gzips = files.map(({ name }) => ({ name: `${name}.gz`, original: false, made: 'compressed' as const }))
const made = prepared({ train: 60, val: 2, test: 1 }, { rows: 28, columns: 28 })
const dataset = { ...made, files, originals: { ...made.originals, gzips } }
const base = '/v1/datasets/made-up'
const batches = `${base}/splits/train/batches`

const compressed = [batches, `${batches}?normalization=raw&format=npz`, `${batches}?normalization=raw&format=safetensors`, `${batches}?dtype=float16`, `${base}/mean`, `${base}/splits/val/samples/1`, base]
const asTheyAre = [
  ...['centered', 'unit', 'standard'].flatMap(normalization => ['float32', 'float16'].flatMap(dtype => ['npz', 'safetensors'].map(format => `${batches}?format=${format}&dtype=${dtype}&normalization=${normalization}`))),
  `${base}/mean?format=npy`, `${base}/mean?format=png`, `${base}/splits/val/samples/1?format=png`, `${base}/splits/train`, `${batches}?world_size=61&rank=60&batch_size=1`
]

t.test('every coding gives the body back, under a tag of its own', async t => {
  const { app } = await appOver(t, [dataset])
  for (const url of compressed) {
    const plain = await app.inject(url)
    t.equal(plain.headers['content-encoding'], undefined)
    const tags = new Set([plain.headers['etag']])
    for (const [coding, { whole: decompress }] of Object.entries(decompressors)) {
      const headers = { 'accept-encoding': coding }
      const answer = await app.inject({ url, headers })
      t.equal(answer.headers['content-encoding'], coding, `${url} as ${coding}`)
      t.equal(answer.headers['content-type'], plain.headers['content-type'])
      t.match(answer.headers['vary'], /Accept-Encoding/)
      t.ok(decompress(answer.rawPayload).equals(plain.rawPayload), 'the same body')
      t.ok(answer.rawPayload.length < plain.rawPayload.length, 'in fewer bytes')
      t.equal(Number(answer.headers['content-length']), answer.rawPayload.length)
      tags.add(answer.headers['etag'])

      const etag = answer.headers['etag'] as string
      const again = await app.inject({ url, headers: { ...headers, 'if-none-match': etag } })
      t.same([again.statusCode, again.headers['etag'], again.headers['content-encoding']], [304, etag, undefined])
      t.equal((await app.inject({ url, headers: { 'if-none-match': etag } })).statusCode, 200, 'but is another one as it is')
      const head = await app.inject({ method: 'HEAD', url, headers })
      t.same(['content-length', 'content-encoding', 'etag'].map(name => head.headers[name]), ['content-length', 'content-encoding', 'etag'].map(name => answer.headers[name]), 'HEAD tells')
    }
    t.equal(tags.size, 1 + Object.keys(decompressors).length)
  }
})

t.test('binary floats, pictures and tiny bodies are sent as they are', async t => {
  const { app } = await appOver(t, [dataset])
  for (const url of asTheyAre) {
    const [plain, answer] = [await app.inject(url), await app.inject({ url, headers: { 'accept-encoding': 'gzip, br, zstd' } })]
    t.equal(answer.statusCode, 200)
    t.equal(answer.headers['content-encoding'], undefined, url)
    t.equal(answer.headers['etag'], plain.headers['etag'])
    t.ok(answer.rawPayload.equals(plain.rawPayload))
  }
})

t.test('the coding is negotiated', async t => {
  const { app } = await appOver(t, [dataset])
  const best = 'zstd' in decompressors ? 'zstd' : 'br'
  const cases: Array<[accepted: string, coding: string | undefined]> = [
    ['', undefined], ['identity', undefined], ['deflate', undefined], ['gzip;q=0', undefined], ['gzip;q=0, br;q=0, zstd;q=0', undefined], ['*;q=0', undefined],
    ['gzip', 'gzip'], ['GZIP', 'gzip'], ['gzip;q=0.5, identity;q=0.9', undefined], ['gzip, br;q=0.9', 'gzip'], ['deflate, gzip;q=0.2', 'gzip'],
    ['gzip, deflate, br', 'br'], ['gzip, deflate, br, zstd', best], ['*', best], ['nonsense;;;', undefined]
  ]
  for (const [accepted, coding] of cases) {
    const answer = await app.inject({ url: batches, headers: { 'accept-encoding': accepted } })
    t.equal(answer.headers['content-encoding'], coding, `'${accepted}'`)
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

t.test('an error in a group is the error of the compressed stream, which then lacks its end', async t => {
  for (const coding of codings) {
    const chunks: Uint8Array[] = []
    const compressed = compressGroups(coding, (async function * () {
      yield * groups
      throw new Error('no such pixels')
    })())
    await t.rejects((async () => { for await (const [chunk] of compressed) chunks.push(chunk) })(), { message: 'no such pixels' })
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
