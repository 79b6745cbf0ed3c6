import t from 'tap'
import { writeArrays } from '../../../src/encode/json/array-writer.ts'

function write (arrays: number[][], shape: number[]): unknown {
  return JSON.parse(`[${Buffer.concat([...writeArrays(arrays, shape, String)])}]`)
}

t.test('arrays of any shape, also without elements', async t => {
  t.same(write([[1, 2, 3, 4, 5, 6]], [3, 2]), [[[1, 2], [3, 4], [5, 6]]])
  t.same(write([[1, 2], [3, 4]], [1, 2, 1]), [[[[1], [2]]], [[[3], [4]]]])
  t.same(write([[]], [0]), [[]])
  t.same(write([[]], [0, 2]), [[]])
  t.same(write([[], []], [2, 0]), [[[], []], [[], []]])
  t.same(write([], [2, 2]), [])
})
