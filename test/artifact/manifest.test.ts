import t from 'tap'
import {
  createManifest, factsOf, listArrays, parseArrays, parseManifest, renderManifest
} from '../../src/artifact/manifest.ts'
import { prepared } from '../fixtures/prepared.ts'

const dataset = prepared({ train: 7, val: 2, test: 3 })
const manifest = await createManifest(dataset)
const text = renderManifest(manifest)
const data = Buffer.concat(listArrays(dataset).map(([, array]) => array))

t.test('a manifest round-trips through its text', async t => {
  t.same(parseManifest(text, dataset.version, 10), manifest)
  t.same(JSON.parse(text).counts, { train: 7, val: 2, test: 3 })
})

t.test('the statistics of colour images are those of each channel, and others have no channels', async t => {
  const gray = JSON.parse(text)
  t.same([gray.channels, gray.standard], [undefined, dataset.standard[0]])
  const colour = prepared({ train: 7, val: 2, test: 3 }, { channels: 3, rows: 7, columns: 5 })
  const written = renderManifest(await createManifest(colour))
  t.match(JSON.parse(written), { channels: 3, standard: { mean: colour.standard.map(({ mean }) => mean) } })
  for (const prepared of [dataset, colour]) {
    const { shape, standard, splits } = prepared
    const facts = factsOf(parseManifest(renderManifest(await createManifest(prepared)), prepared.version, 10))
    t.same([facts.shape, facts.standard, facts.pixels.val], [shape, standard, splits.val.pixels])
  }
})

t.test('every flipped bit of a manifest is detected', async t => {
  const bytes = Buffer.from(text)
  let detected = 0
  for (let i = 0; i < bytes.length; i++) {
    for (let bit = 0; bit < 8; bit++) {
      bytes[i]! ^= 1 << bit
      try {
        parseManifest(bytes.toString(), dataset.version, 10)
      } catch (error) {
        if ((error as { code?: string }).code === 'artifact_unusable') detected++
      }
      bytes[i]! ^= 1 << bit
    }
  }
  t.equal(detected, 8 * bytes.length)
  t.same(parseManifest(bytes.toString(), dataset.version, 10), manifest)
})

t.test('truncated manifests and those of other artifacts are rejected', async t => {
  const parse = (text: string, version = dataset.version, classes = 10) => () => parseManifest(text, version, classes)
  const code = 'artifact_unusable'
  for (let length = 0; length < text.length; length++) t.throws(parse(text.slice(0, length)), { code })
  for (const other of [`${text} `, 'null', '[]', '7', '{}', '"x"']) {
    t.throws(parse(other), { code, message: 'the manifest is damaged' })
  }
  t.throws(parse(text, 'fedcba9876543210'), { code, message: 'the manifest is that of version 0123456789abcdef' })
  t.throws(parse(text, dataset.version, 26), { code, message: 'there are 10 classes, expected 26' })
  t.throws(parse(renderManifest({ ...manifest, rows: 0 })), {
    code,
    message: 'images have 0×3 pixels, allowed are 1 to 16777216'
  })
  t.throws(parse(renderManifest({ ...manifest, counts: { ...manifest.counts, train: 0 } })), {
    code,
    message: 'there are no training samples'
  })
  t.throws(parse(renderManifest({ ...manifest, layout: 0 })), { code, message: 'the layout is 0, expected 2' })
})

t.test('every flipped byte of the data is detected, and its array named', async t => {
  const messages = new Set<string>()
  for (let i = 0; i < data.length; i++) {
    data[i]! ^= 0x20
    try {
      await parseArrays(manifest, data)
      t.fail(`byte ${i}`)
    } catch (error) {
      messages.add((error as Error).message)
    }
    data[i]! ^= 0x20
  }
  t.same([...messages], manifest.arrays.map(({ name }) => `the array ${name} is damaged`))
  await t.rejects(parseArrays(manifest, data.subarray(0, -1)), { message: 'the array test.labels is damaged' })
})

t.test('data with bytes after the last array is rejected', async t => {
  for (const extra of [1, 4096]) {
    await t.rejects(parseArrays(manifest, Buffer.concat([data, Buffer.alloc(extra)])), {
      code: 'artifact_unusable',
      message: `there are ${extra} bytes after the last array`
    })
  }
})

t.test('the data parses into the arrays that were written', async t => {
  const { meanImage, levels, splits } = await parseArrays(manifest, Uint8Array.from(data))
  t.same([meanImage, levels], [dataset.meanImage, dataset.levels])
  for (const name of ['train', 'val', 'test'] as const) {
    const { images, labels } = dataset.splits[name]
    t.same(splits[name], { images, labels })
  }
})
