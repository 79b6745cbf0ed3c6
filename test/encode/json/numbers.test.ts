import t from 'tap'
import { float16Bits } from '../../../src/batch/float16.ts'
import { shortestFloat16, shortestFloat32 } from '../../../src/encode/json/numbers.ts'
import { above, below } from '../../fixtures/float32.ts'

/** Bits of the largest finite float16. */
const MAX = 0x7bff

t.test('the text of a float32 reads back as itself, and is the shortest that does', async t => {
  const random = new Float32Array(Uint32Array.from({ length: 10_000 }, (_, i) => Math.imul(i, 0x9e3779b1)).buffer)
  const special = [0, 1, -1, 0.1, 1 / 255, 1e-45, 3.4028234663852886e38, 16777216]
  for (const value of [...random.filter(Number.isFinite), ...special]) {
    const exact = Math.fround(value)
    const text = shortestFloat32(exact)
    if (Math.fround(JSON.parse(text)) !== exact || text.length > 15) t.fail(`${exact} became ${text}`)
    if (Math.fround(Number(exact.toPrecision(5))) === exact) continue
    const digits = text.replace(/e.*$/, '').replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '').length
    if (digits > 1 && Math.fround(Number(exact.toPrecision(digits - 1))) === exact) {
      t.fail(`${text} is longer than necessary`)
    }
  }
  t.equal(shortestFloat32(Math.fround(0.1)), '0.1')
  t.equal(shortestFloat32(0), '0')
})

t.test('the text of every float16 reads back as itself, and is the shortest that does', async t => {
  for (let bits = 0; bits <= MAX; bits++) {
    const text = shortestFloat16(bits)
    const value = JSON.parse(text)
    if (float16Bits(value) !== bits || text.length > 15) t.fail(`${bits} became ${text}`)
    if (shortestFloat16(bits | 0x8000) !== `-${text}`) t.fail(`${bits} has another text with a sign`)
    const digits = value.toExponential().replace(/e.*$/, '').replace('.', '').length
    const shorter = Number(value.toPrecision(Math.max(1, digits - 1)))
    const isNear = [below(shorter), above(shorter)].every(value => float16Bits(value) === bits)
    if (digits > 1 && isNear) t.fail(`${text} is longer than necessary`)
  }
  t.same([0x2e66, 0x3555, 0x0001, MAX].map(shortestFloat16), ['0.1', '0.3333', '6e-8', '65500'])
})
