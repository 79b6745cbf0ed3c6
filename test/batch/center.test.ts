import t from 'tap'
import { imageCenterer } from '../../src/batch/center.ts'

t.test('images may be centered in several pieces', async t => {
  const unit = Float32Array.from({ length: 256 }, (_, level) => level / 255)
  const meanImage = Float32Array.from({ length: 35 }, (_, position) => position / 40)
  const pixels = Uint8Array.from({ length: 3 * 35 }, (_, i) => i % 3 === 0 ? i : 0)
  const expected = Float32Array.from(pixels, (pixel, i) => unit[pixel]! - meanImage[i % 35]!)
  const center = imageCenterer(unit, meanImage)
  for (const step of [1, 8, 35, 36, 70, 105]) {
    const values = new Float32Array(pixels.length)
    for (let start = 0; start < pixels.length; start += step) {
      center(pixels.subarray(start, start + step), values.subarray(start, start + step), start % 35)
    }
    t.same(values, expected, `pieces of ${step}`)
  }
})
