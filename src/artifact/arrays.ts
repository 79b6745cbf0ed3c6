import { perSplit } from '../dataset/entry.ts'
import { center } from '../dataset/center.ts'
import type { Arrays } from '../dataset/prepared.ts'
import type { Kept } from './store.ts'

/**
 * All arrays of a dataset from those that were kept: bit for bit what was prepared. The subtraction of the mean image and
 * the one-hot labels, four fifths of all bytes, are computed anew, since that is faster than to read them.
 *
 * @param classes number of classes
 */
export function restoredArrays ({ arrays }: Kept, classes: number): Arrays {
  const meanImage = floats('meanImage')
  const levels = { unit: floats('levels.unit'), standard: floats('levels.standard') }
  return {
    meanImage,
    levels,
    splits: perSplit(name => {
      const [images, labels] = [arrays.get(`${name}.images`)!, arrays.get(`${name}.labels`)!]
      return { images, labels, centered: center(images, levels.unit, meanImage), onehot: oneHot(labels, classes) }
    })
  }

  function floats (name: string): Float32Array {
    const { buffer, byteOffset, byteLength } = arrays.get(name)!
    return new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT)
  }
}

function oneHot (labels: Uint8Array, classes: number): Float32Array {
  const rows = new Float32Array(labels.length * classes)
  labels.forEach((label, i) => { rows[i * classes + label] = 1 })
  return rows
}
