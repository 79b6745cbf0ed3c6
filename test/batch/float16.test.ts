import t from 'tap'
import { normalizations } from '../../src/batch/options.ts'
import { shortestFloat16 } from '../../src/encode/json/numbers.ts'
import { selectBatch } from '../../src/batch/batch.ts'
import { float16Bits } from '../../src/batch/float16.ts'
import { prepared } from '../fixtures/prepared.ts'
import { readHalf } from '../fixtures/read.ts'

const MAX = 0x7bff
const INFINITE = 0x7c00

t.test('vectors, from NumPy', async t => {
  const vectors: Array<[number, number]> = [
    [0, 0x0000], [-0, 0x8000], [1, 0x3c00], [-2, 0xc000], [0.1, 0x2e66], [1 / 3, 0x3555], [Math.PI, 0x4248],
    [65504, MAX], [65519.996, MAX], [65520, INFINITE], [-65520, 0xfc00], [65536, INFINITE], [3.4028234663852886e38, INFINITE],
    [Infinity, INFINITE], [-Infinity, 0xfc00], [NaN, 0x7e00],
    [2 ** -14, 0x0400], [2 ** -14 - 2 ** -24, 0x03ff], [2 ** -14 - 2 ** -25, 0x0400], [2 ** -24, 0x0001], [2 ** -25, 0x0000], [2 ** -25 + 2 ** -48, 0x0001],
    [3 * 2 ** -25, 0x0002], [-(2 ** -25), 0x8000], [2 ** -149, 0x0000],
    [2049, 0x6800], [2051, 0x6802], [1 + 2 ** -11, 0x3c00], [1 + 3 * 2 ** -11, 0x3c02]
  ]
  for (const [value, bits] of vectors) t.equal(float16Bits(Math.fround(value)), bits, String(value))
})

t.test('every half is itself, and what lies between two goes to the nearer, or to the even one', async t => {
  for (let bits = 0; bits <= MAX; bits++) {
    const half = readHalf(bits)
    const next = bits === MAX ? 65536 : readHalf(bits + 1)
    const middle = (half + next) / 2
    const even = bits % 2 === 0 ? bits : bits + 1
    const found = [half, middle, below(middle), above(middle)].flatMap(value => [float16Bits(value), float16Bits(-value)])
    const wanted = [bits, even, bits, bits + 1].flatMap(bits => [bits, bits | 0x8000])
    if (found.join() !== wanted.join()) t.same(found, wanted, `around ${half}`)
  }
})

t.test('the text of every half reads back as that half, and no shorter one is as near to no other', async t => {
  for (let bits = 0; bits <= MAX; bits++) {
    const text = shortestFloat16(bits)
    const value = JSON.parse(text)
    if (float16Bits(value) !== bits || text.length > 15) t.fail(`${bits} became ${text}`)
    if (shortestFloat16(bits | 0x8000) !== `-${text}`) t.fail(`${bits} has another text with a sign`)
    const digits = value.toExponential().replace(/e.*$/, '').replace('.', '').length
    const shorter = Number(value.toPrecision(Math.max(1, digits - 1)))
    const near = [below(shorter), above(shorter)].every(value => float16Bits(value) === bits)
    if (digits > 1 && near) t.fail(`${text} is longer than it must be`)
  }
  t.same([0x2e66, 0x3555, 0x0001, MAX].map(shortestFloat16), ['0.1', '0.3333', '6e-8', '65500'])
})

t.test('a batch of halves is the batch of floats, rounded', async t => {
  const dataset = prepared({ train: 30, val: 1, test: 1 })
  const choice = { split: 'train', span: { start: 3, count: 20, real: 20 }, labels: 'index', layout: 'flat', masked: false } as const
  for (const normalization of normalizations.filter(name => name !== 'raw')) {
    for (const order of [undefined, Uint32Array.from({ length: 30 }, (_, i) => 29 - i)]) {
      const [floats, halves] = (['float32', 'float16'] as const).map(dtype => selectBatch(dataset, { ...choice, normalization, order, dtype }))
      t.same(halves!.images.data(), Uint16Array.from(floats!.images.data() as Float32Array, float16Bits), normalization)
    }
  }
})

/** The next float32 towards zero, of a positive one. */
function below (value: number): number {
  return neighbour(value, -1)
}

function above (value: number): number {
  return neighbour(value, 1)
}

function neighbour (value: number, step: number): number {
  const float = Float32Array.of(value)
  new Int32Array(float.buffer)[0]! += step
  return float[0]!
}
