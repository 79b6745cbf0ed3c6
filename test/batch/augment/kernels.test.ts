/** The kernels of assembly/ compute the same bytes as the reference. */
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { getAugmenter } from '../../../src/batch/augment/augment.ts'
import { augmentationNames, limits, type Augmentations } from '../../../src/batch/augment/augmentations.ts'
import { planeSize, valueCount, type ImageShape, type PlaneSize } from '../../../src/dataset/image-shape.ts'
import { mix } from '../../../src/dataset/order.ts'
import { sampleWords, signed, words } from '../../fixtures/augment/random.ts'
import { referenceAugmenter } from '../../fixtures/augment/reference.ts'
import { root } from '../../fixtures/root.ts'

const isInstalled = existsSync(new URL('node_modules/assemblyscript', root))

t.test('the committed modules are what assembly/ compiles to', {
  skip: !isInstalled && 'assemblyscript is not installed'
}, async t => {
  const { compileKernel, kernels } = await import('#scripts/kernels.js')
  for (const kernel of kernels) {
    const committed = readFileSync(new URL(kernel.file, root), 'utf8')
    t.equal(await compileKernel(kernel), committed, 'otherwise: npm run task -- kernels')
  }
})

/** Pseudo-random numbers from 0 up to but not including 1, the same in each run. */
function randomNumbers (seed: number): () => number {
  let n = 0
  return () => mix(mix(seed) + n++) / 2 ** 32
}

/** An image of a rectangle of random pixels, of which few, some or all are not 0. */
function drawImage ({ channels, ...size }: ImageShape, random: () => number): Uint8Array {
  return Buffer.concat(Array.from({ length: channels }, () => drawPlane(size, random)))
}

function drawPlane ({ rows, columns }: PlaneSize, random: () => number): Uint8Array {
  const image = new Uint8Array(rows * columns)
  const density = [0, 0.05, 0.5, 1][Math.floor(4 * random())]!
  const [top, left] = [Math.floor(rows * random()), Math.floor(columns * random())]
  const [bottom, right] = [top + random() * (rows - top), left + random() * (columns - left)]
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      if (random() < density) image[row * columns + column] = 256 * random()
    }
  }
  return image
}

/** Random augmentations, with strengths of up to six places, as in URLs. */
function drawAugmentations (random: () => number): Augmentations {
  const names = augmentationNames.filter(() => random() < 0.5)
  return Object.fromEntries(names.map(name => {
    const { maximum, integer } = limits[name]
    const strength = maximum * random()
    return [name, integer ? Math.round(strength) : Number(strength.toFixed(6 * random()))]
  }))
}

function compare (size: ImageShape, augmentations: Augmentations, images: readonly Uint8Array[], key: number): boolean {
  const augmenter = getAugmenter(size)
  for (const [i, image] of images.entries()) augmenter.load(i, image, mix(key + i))
  const augmented = Buffer.from(augmenter.augment(images.length, augmentations))
  const augmentOne = referenceAugmenter(size, augmentations)
  const expected = images.map((image, i) => {
    const target = new Uint8Array(image.length)
    augmentOne(image, target, mix(key + i))
    return target
  })
  return augmented.equals(Buffer.concat(expected))
}

/** Values by the definition: of the level, less the pixel of the mean image. */
function compareValues (size: ImageShape, images: readonly Uint8Array[], random: () => number): boolean {
  const augmenter = getAugmenter(size)
  for (const [i, image] of images.entries()) augmenter.load(i, image, i)
  const levels = Float32Array.from({ length: 256 }, random)
  const tables = Float32Array.from({ length: 256 * size.channels }, random)
  const meanImage = Float32Array.from({ length: valueCount(size) }, random)
  const pixels = augmenter.augment(images.length, {})
  const centered = Float32Array.from(pixels, (level, i) => levels[level]! - meanImage[i % meanImage.length]!)
  const isCentered = Buffer.from(augmenter.normalize(images.length, { levels, meanImage }).slice().buffer)
    .equals(Buffer.from(centered.buffer))
  const scaled = Float32Array.from(pixels, (level, i) => {
    return tables[256 * (Math.floor(i / planeSize(size)) % size.channels) + level]!
  })
  return isCentered && Buffer.from(augmenter.normalize(images.length, { levels: tables }).slice().buffer)
    .equals(Buffer.from(scaled.buffer))
}

const sizes: Array<[channels: 1 | 3, rows: number, columns: number, rounds: number]> = [
  [1, 28, 28, 500], [1, 5, 5, 300], [1, 1, 9, 200], [1, 9, 1, 200], [1, 1, 1, 50], [1, 3, 70, 50], [1, 32, 32, 100],
  [1, 31, 17, 100], [1, 64, 48, 50], [1, 119, 121, 10], [1, 512, 512, 2],
  [3, 32, 32, 200], [3, 7, 5, 300], [3, 1, 1, 50], [3, 33, 19, 50], [3, 300, 200, 2]
]

for (const [channels, rows, columns, rounds] of sizes) {
  t.test(`images of ${channels}×${rows}×${columns} are augmented as by the reference`, async t => {
    const size = { channels, rows, columns }
    const random = randomNumbers(rows * 1000 + columns)
    for (let round = 0; round < rounds; round++) {
      const augmentations = drawAugmentations(random)
      const count = Math.min(1 + Math.floor(3 * random()), getAugmenter(size).capacity)
      const images = Array.from({ length: count }, () => drawImage(size, random))
      if (!compare(size, augmentations, images, round)) t.fail(`round ${round}: ${JSON.stringify(augmentations)}`)
      if (round % 10 === 0 && !compareValues(size, images, random)) t.fail(`values of round ${round}`)
    }
  })
}

t.test('each augmentation alone, at its largest strength and others', async t => {
  const size: ImageShape = { channels: 1, rows: 28, columns: 28 }
  const random = randomNumbers(1)
  for (const name of augmentationNames) {
    for (const share of [1, 0.5, 0.125]) {
      const images = Array.from({ length: 80 }, () => drawImage(size, random))
      if (!compare(size, { [name]: limits[name].maximum * share }, images, 7)) t.fail(`${name}, ${share}`)
    }
  }
})

t.test('coordinates that lie between two multiples of 1/256 pixel, or as good as', async t => {
  const size: ImageShape = { channels: 1, rows: 28, columns: 28 }
  const image = Uint8Array.from({ length: 784 }, (_, i) => mix(i))
  for (let key = 0; key < 200; key++) {
    // The shift by which columns move by an odd number of 1/512 pixel.
    const shift = (key + 0.5) / 256 / Math.abs(signed(sampleWords(mix(key))(words.shiftColumns)))
    for (const error of [0, 1e-16, -1e-16, 1e-12, -1e-12, 1e-8, -1e-8, 1e-6, -1e-6]) {
      if (!compare(size, { shift: shift * (1 + error) }, [image], key)) t.fail(`key ${key}, error ${error}`)
    }
  }
})

t.test('a full load of images leaves nothing of the previous one', async t => {
  for (const channels of [1, 3] as const) {
    const size = { channels, rows: 5, columns: 7 }
    const { capacity } = getAugmenter(size)
    const white = Array.from({ length: capacity }, () => new Uint8Array(35 * channels).fill(255))
    const black = white.map(() => new Uint8Array(35 * channels))
    const augmentations = { rotate: 20, shift: 3, elastic: 20, cutout: 3 }
    t.ok(compare(size, augmentations, white, 1))
    t.ok(compare(size, augmentations, black, 2))
  }
})
