import { parseIdx } from '../../../dist/decode/idx.js'
import { mutate } from './mutate.js'

export function read (random) {
  const type = random() % 2 === 0 ? 'uint8' : 'int32'
  const dimensions = Array.from({ length: 1 + random() % 4 }, () => random() % 5)
  const size = dimensions.reduce((product, dimension) => product * dimension, type === 'uint8' ? 1 : 4)
  const file = Buffer.alloc(4 + 4 * dimensions.length + size, 7)
  file.writeUInt32BE((type === 'uint8' ? 0x800 : 0xc00) + dimensions.length)
  dimensions.forEach((dimension, axis) => file.writeUInt32BE(dimension, 4 + 4 * axis))
  try {
    const { dimensions, data } = parseIdx(mutate(file, random), type)
    const expected = dimensions.reduce((product, dimension) => product * dimension, 1)
    if (data.length !== expected) throw new Error(`${data.length} elements for dimensions ${dimensions}`)
    return true
  } catch (error) {
    if (error.code === 'invalid_file') return false
    throw error
  }
}
