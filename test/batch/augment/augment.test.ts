import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { getAugmenter } from '../../../src/batch/augment/augment.ts'
import { augmentationNames, type Augmentations } from '../../../src/batch/augment/augmentations.ts'
import type { ImageShape } from '../../../src/dataset/image-shape.ts'
import { mix, sampleKey } from '../../../src/dataset/order.ts'
import { elasticField } from '../../fixtures/augment/elastic.ts'
import { affineTransform, cosine, sine } from '../../fixtures/augment/geometry.ts'
import { below, signed, sampleWords } from '../../fixtures/augment/random.ts'

const size: ImageShape = { channels: 1, rows: 28, columns: 28 }
const testImage = Uint8Array.from({ length: 784 }, (_, i) => mix(i) % 256)
const key = sampleKey(42, 1)

function augmented (augmentations: Augmentations, { image = testImage, of = size, by = key(7) } = {}): Uint8Array {
  const augmenter = getAugmenter(of)
  augmenter.load(0, image, by)
  return augmenter.augment(1, augmentations).slice()
}

function digest (bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}

const everything: Augmentations = { rotate: 15, shift: 2, scale: 0.1, elastic: 34, noise: 10, cutout: 8 }

t.test('the bytes are the same on every machine: SHA-256 of the test image, sample 7 of seed 42, epoch 1', async t => {
  const golden: Array<[Augmentations, string]> = [
    [{ flip: 1 }, '37997d12365e028c'],
    [{ flip: 1, ...everything }, '830fa6f86f0296c1'],
    [{ rotate: 15 }, 'a494cc2ae891661f'],
    [{ shift: 2.5 }, '2e69d1316433bf1d'],
    [{ scale: 0.1 }, 'cfceff82eaaee0c7'],
    [{ elastic: 34 }, '43d7e95ced915df2'],
    [{ noise: 10 }, '72a8b5599e1ca795'],
    [{ cutout: 8 }, '54d674dc6da19713'],
    [everything, 'c48a9f213946bd44'],
    [{ rotate: 45, shift: 8, scale: 0.5, elastic: 64, noise: 64, cutout: 16 }, 'f912830a791286ec']
  ]
  for (const [augmentations, hash] of golden) {
    t.equal(digest(augmented(augmentations)), hash, JSON.stringify(augmentations))
  }
  const words = Array.from({ length: 4 }, (_, n) => sampleWords(key(7))(n))
  t.same(words, [2419992669, 2054241249, 3363488989, 2908192898], 'words 0 to 3')
})

t.test('strength 0 changes nothing', async t => {
  const original = digest(testImage)
  for (const name of augmentationNames) t.equal(digest(augmented({ [name]: 0 })), original, name)
  t.equal(digest(augmented({ rotate: 0, shift: 0, scale: 0, elastic: 0, noise: 0, cutout: 0 })), original)
})

t.test('a sample depends on its key alone, not on the samples before it', async t => {
  const alone = Array.from({ length: 20 }, (_, id) => augmented(everything, { by: key(id) }))
  const augmenter = getAugmenter(size)
  for (let id = 0; id < 20; id++) augmenter.load(19 - id, testImage, key(id))
  const together = augmenter.augment(20, everything)
  for (let id = 0; id < 20; id++) {
    t.equal(digest(together.subarray((19 - id) * 784, (20 - id) * 784)), digest(alone[id]!))
  }
  t.equal(new Set(alone.map(digest)).size, 20, 'each sample has random numbers of its own')
  t.not(digest(augmented(everything, { by: sampleKey(42, 2)(7) })), digest(alone[7]!), 'and so has each epoch')
})

t.test('an augmentation is the same with and without others', async t => {
  const word = sampleWords(key(7))
  const rotated = affineTransform({ rotate: 15 }, word)
  const shift = { columns: 2 * signed(word(1)), rows: 2 * signed(word(2)) }
  t.same(affineTransform({ rotate: 15, shift: 2, scale: 0 }, word), { ...rotated, ...shift })
  const both = augmented({ noise: 10, cutout: 8 })
  const noise = augmented({ noise: 10 })
  const cutout = augmented({ cutout: 8 }, { image: new Uint8Array(784).fill(1) })
  const noiseThenCutout = noise.map((level, pixel) => level * cutout[pixel]!)
  t.equal(digest(both), digest(noiseThenCutout), 'noise first, then the same square')
})

t.test('pixels outside the image are 0, and the centre stays in place', async t => {
  const image = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9)
  const of: ImageShape = { channels: 1, rows: 3, columns: 3 }
  // A key whose shift to the right, of up to 8 pixels, leaves nothing of the image.
  const far = Array.from({ length: 1000 }, (_, id) => key(id)).find(by => Math.abs(8 * signed(sampleWords(by)(1))) > 4)!
  t.same(augmented({ shift: 8 }, { image, of, by: far }), new Uint8Array(9), 'nothing of the image is left')
  const flat = new Uint8Array(784).fill(200)
  for (let id = 0; id < 50; id++) {
    const turned = augmented({ rotate: 45, scale: 0.1 }, { image: flat, by: key(id) })
    t.equal(turned[14 * 28 + 14], 200, 'the centre of a uniform image is unchanged')
  }
})

t.test('a flip mirrors rows, with its probability, and before anything else', async t => {
  const rows = Array.from({ length: 28 }, (_, row) => [...testImage.subarray(28 * row, 28 * (row + 1))])
  const mirrored = Uint8Array.from(rows.flatMap(row => row.reverse()))
  t.same(augmented({ flip: 1 }), mirrored)
  t.same(augmented({ flip: 1, ...everything }), augmented(everything, { image: mirrored }))
  const isFlipped = (flip: number, id: number): boolean => {
    return digest(augmented({ flip }, { by: key(id) })) !== digest(testImage)
  }
  const flipped = Array.from({ length: 10 }, (_, id) => id).filter(id => isFlipped(0.5, id))
  t.same(flipped, [0, 1, 3, 4, 6], 'of seed 42, epoch 1')
  const share = Array.from({ length: 2000 }, (_, id) => Number(isFlipped(0.25, id))).reduce((a, b) => a + b) / 2000
  close(t, share, 0.25, 0.03, 'the share of flipped images')
})

t.test('sine and cosine are accurate to 10 digits up to 45°', async t => {
  for (let degrees = -45; degrees <= 45; degrees += 0.5) {
    const x = degrees * Math.PI / 180
    if (Math.abs(sine(x) - Math.sin(x)) > 1e-10 || Math.abs(cosine(x) - Math.cos(x)) > 1e-10) t.fail(`${degrees}°`)
  }
})

const samples = Array.from({ length: 4000 }, (_, id) => sampleWords(key(id)))

function moments (values: readonly number[]): { mean: number, std: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return { mean, std: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) }
}

function close (t: Test, found: number, wanted: number, tolerance: number, what: string): void {
  t.ok(Math.abs(found - wanted) < tolerance, `${what}: ${found} is near ${wanted}`)
}

t.test('the random numbers are uniform, and independent of each other and of the order of the epoch', async t => {
  const ordered = samples.map((word, id) => ({ word, key: key(id) })).sort((a, b) => a.key - b.key)
  const ranked = ordered.map(({ word }) => word)
  const numbers = Array.from({ length: 6 }, (_, n) => ranked.map(word => signed(word(n))))
  for (const [n, values] of numbers.entries()) {
    const { mean, std } = moments(values)
    close(t, mean, 0, 0.04, `mean of word ${n}`)
    close(t, std, Math.sqrt(1 / 3), 0.02, `standard deviation of word ${n}`)
    const withPosition = values.map((value, i) => value * (i / 2000 - 1))
    close(t, moments(withPosition).mean, 0, 0.03, `word ${n} and the position in the order`)
    for (const other of numbers.slice(n + 1)) {
      close(t, moments(values.map((value, i) => value * other[i]!)).mean, 0, 0.03, `word ${n} and another`)
    }
  }
  t.same([below(0, 28), below(0xffffffff, 28), signed(0) + signed(0xffffffff)], [0, 27, 0], 'the full range')
})

t.test('noise has the requested standard deviation, and no bias', async t => {
  const grey = new Uint8Array(784).fill(128)
  const images = Array.from({ length: 200 }, (_, id) => augmented({ noise: 20 }, { image: grey, by: key(id) }))
  const levels = images.flatMap(image => [...image])
  const { mean, std } = moments(levels)
  close(t, mean, 128, 0.3, 'mean')
  close(t, std, 20, 0.2, 'standard deviation')
  const beyond = levels.filter(level => Math.abs(level - 128) > 40).length / levels.length
  close(t, beyond, 0.0455, 0.006, 'the share beyond two standard deviations, as of a Gaussian')
})

t.test('elastic displacements have the magnitude and smoothness of σ = 4', async t => {
  const field = elasticField(size, 34)
  const centre: number[] = []
  const steps: number[] = []
  for (const word of samples) {
    const { columns, rows, unit } = field(word)
    const at = 14 * 28 + 14
    centre.push(columns[at]! * unit, rows[at]! * unit)
    steps.push((columns[at + 1]! - columns[at]!) * unit, (rows[at + 1]! - rows[at]!) * unit)
  }
  // Uniform noise of variance 1/3 under a Gaussian of σ has variance 1/3 / (4πσ²), and its slope that / (2σ²).
  const expected = 34 * Math.sqrt(1 / 3 / (4 * Math.PI * 16))
  close(t, moments(centre).mean, 0, 0.05, 'mean')
  close(t, moments(centre).std, expected, 0.1, 'standard deviation')
  close(t, moments(steps).std, expected / Math.sqrt(32), 0.03, 'slope')
})

t.test('cutout is one square, whole or clipped by the border', async t => {
  const ones = new Uint8Array(784).fill(1)
  const areas = Array.from({ length: 500 }, (_, id) => {
    const image = augmented({ cutout: 7 }, { image: ones, by: key(id) })
    const hidden = [...image.keys()].filter(pixel => image[pixel] === 0)
    const rows = new Set(hidden.map(pixel => Math.floor(pixel / 28)))
    const columns = new Set(hidden.map(pixel => pixel % 28))
    if (hidden.length !== rows.size * columns.size) t.fail(`sample ${id} has another shape`)
    return hidden.length
  })
  t.equal(Math.max(...areas), 49)
  t.equal(Math.min(...areas), 16, 'in a corner: 4 of 7 rows and columns')
})
