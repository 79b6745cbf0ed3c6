import t from 'tap'
import { arraysOf, manifestOf, parseManifest, renderManifest, verifiedArrays } from '../../src/artifact/manifest.ts'
import { restoredArrays } from '../../src/artifact/arrays.ts'
import { prepared } from '../fixtures/prepared.ts'

const dataset = prepared({ train: 7, val: 2, test: 3 })
const manifest = manifestOf(dataset)
const text = renderManifest(manifest)
const data = Buffer.concat(arraysOf(dataset).map(([, array]) => array))

t.test('a manifest is read as it was written', async t => {
  t.same(parseManifest(text, dataset.version, 10), manifest)
  t.same(JSON.parse(text).counts, { train: 7, val: 2, test: 3 })
})

t.test('every flip of a bit of every byte of a manifest is noticed', async t => {
  const bytes = Buffer.from(text)
  let noticed = 0
  for (let i = 0; i < bytes.length; i++) {
    for (let bit = 0; bit < 8; bit++) {
      bytes[i]! ^= 1 << bit
      try {
        parseManifest(bytes.toString(), dataset.version, 10)
      } catch (error) {
        if ((error as { code?: string }).code === 'prepared_unusable') noticed++
      }
      bytes[i]! ^= 1 << bit
    }
  }
  t.equal(noticed, 8 * bytes.length)
  t.same(parseManifest(bytes.toString(), dataset.version, 10), manifest)
})

t.test('every end that is missing, and every other manifest, is refused', async t => {
  for (let length = 0; length < text.length; length++) t.throws(() => parseManifest(text.slice(0, length), dataset.version, 10), { code: 'prepared_unusable' })
  t.throws(() => parseManifest(`${text} `, dataset.version, 10), { code: 'prepared_unusable', message: 'its manifest is damaged' })
  for (const other of ['null', '[]', '7', '{}', '"x"']) t.throws(() => parseManifest(other, dataset.version, 10), { code: 'prepared_unusable', message: 'its manifest is damaged' })
  t.throws(() => parseManifest(text, 'fedcba9876543210', 10), { code: 'prepared_unusable', message: 'its manifest is that of 0123456789abcdef' })
  t.throws(() => parseManifest(text, dataset.version, 26), { code: 'prepared_unusable', message: 'it has 10 classes, expected 26' })
  t.throws(() => parseManifest(renderManifest({ ...manifest, layout: 0 }), dataset.version, 10), { code: 'prepared_unusable', message: 'its layout is 0, expected 1' })
})

t.test('every flip of a byte of the data is noticed, and named', async t => {
  const named = new Set<string>()
  for (let i = 0; i < data.length; i++) {
    data[i]! ^= 0x20
    try {
      verifiedArrays(manifest, data)
      t.fail(`byte ${i}`)
    } catch (error) {
      named.add((error as Error).message)
    }
    data[i]! ^= 0x20
  }
  t.same([...named], manifest.arrays.map(({ name }) => `its ${name} are damaged`))
  t.throws(() => verifiedArrays(manifest, data.subarray(0, -1)), { message: 'its test.labels are damaged' })
})

t.test('what follows from the arrays is computed as it was prepared', async t => {
  const { meanImage, levels, splits } = restoredArrays({ manifest, arrays: verifiedArrays(manifest, data) }, 10)
  t.same([meanImage, levels], [dataset.meanImage, dataset.levels])
  for (const name of ['train', 'val', 'test'] as const) {
    const { images, centered, labels, onehot } = dataset.splits[name]
    t.same({ ...splits[name], images: Uint8Array.from(splits[name].images), labels: Uint8Array.from(splits[name].labels) }, { images, centered, labels, onehot })
  }
})
