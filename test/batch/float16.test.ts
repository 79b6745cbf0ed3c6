import t from 'tap'
import { selectBatch } from '../../src/batch/batch.ts'
import { float16Bits } from '../../src/batch/float16.ts'
import { normalizations } from '../../src/batch/options.ts'
import { listedOrder, naturalOrder } from '../../src/batch/sample-order.ts'
import { above, below } from '../fixtures/float32.ts'
import { prepared } from '../fixtures/prepared.ts'
import { readHalf } from '../fixtures/read.ts'

const MAX = 0x7bff
const INFINITE = 0x7c00

t.test('rounds as NumPy does', async t => {
  const vectors: Array<[number, number]> = [
    [0, 0x0000], [-0, 0x8000], [1, 0x3c00], [-2, 0xc000], [0.1, 0x2e66], [1 / 3, 0x3555], [Math.PI, 0x4248],
    [65504, MAX], [65519.996, MAX], [65520, INFINITE], [-65520, 0xfc00], [65536, INFINITE],
    [3.4028234663852886e38, INFINITE], [Infinity, INFINITE], [-Infinity, 0xfc00], [NaN, 0x7e00],
    [2 ** -14, 0x0400], [2 ** -14 - 2 ** -24, 0x03ff], [2 ** -14 - 2 ** -25, 0x0400],
    [2 ** -24, 0x0001], [2 ** -25, 0x0000], [2 ** -25 + 2 ** -48, 0x0001],
    [3 * 2 ** -25, 0x0002], [-(2 ** -25), 0x8000], [2 ** -149, 0x0000],
    [2049, 0x6800], [2051, 0x6802], [1 + 2 ** -11, 0x3c00], [1 + 3 * 2 ** -11, 0x3c02]
  ]
  for (const [value, bits] of vectors) t.equal(float16Bits(Math.fround(value)), bits, String(value))
})

t.test('every float16 is unchanged, and values between two go to the nearer, or to the even one', async t => {
  for (let bits = 0; bits <= MAX; bits++) {
    const value = readHalf(bits)
    const next = bits === MAX ? 65536 : readHalf(bits + 1)
    const middle = (value + next) / 2
    const even = bits % 2 === 0 ? bits : bits + 1
    const values = [value, middle, below(middle), above(middle)]
    const found = values.flatMap(value => [float16Bits(value), float16Bits(-value)])
    const wanted = [bits, even, bits, bits + 1].flatMap(bits => [bits, bits | 0x8000])
    if (found.join() !== wanted.join()) t.same(found, wanted, `around ${value}`)
  }
})

t.test('a float16 batch is the float32 batch, rounded', async t => {
  const span = { start: 3, count: 20, real: 20 }
  const options = { split: 'train', span, labels: 'index', layout: 'flat', masked: false } as const
  const reversed = listedOrder(Uint32Array.from({ length: 30 }, (_, i) => 29 - i))
  // The larger images have more values than fit into a table.
  for (const size of [{ rows: 4, columns: 3 }, { rows: 70, columns: 65 }]) {
    const dataset = prepared({ train: 30, val: 1, test: 1 }, size)
    for (const normalization of normalizations.filter(name => name !== 'raw')) {
      for (const order of [naturalOrder(30), reversed]) {
        const [floats, halves] = (['float32', 'float16'] as const).map(dtype => {
          return selectBatch(dataset, { ...options, normalization, order, dtype }).images.data()
        })
        const expected = Uint16Array.from(floats!, float16Bits)
        t.ok(Buffer.from(halves!.buffer).equals(Buffer.from(expected.buffer)), normalization)
      }
    }
  }
})
