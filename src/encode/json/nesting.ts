import { countElements } from '../../batch/tensor.ts'

/** Cuts a flat list into nested lists whose inner shape is `shape`; an empty shape leaves it flat. */
export function nest (flat: readonly unknown[], shape: readonly number[]): unknown[] {
  return shape.reduceRight<readonly unknown[]>((rows, length) => {
    return Array.from({ length: rows.length / length }, (_, i) => rows.slice(i * length, (i + 1) * length))
  }, flat) as unknown[]
}

/**
 * The text around the numbers of an array that is written as nested lists, with a comma before the array: the function
 * returns the text before element `i`, and for the number of elements the text after the last one.
 */
export function separators (shape: readonly number[]): (i: number) => string {
  const first = `,${'['.repeat(shape.length)}`
  const last = ']'.repeat(shape.length)
  const between = shape.map((_, ends) => `${']'.repeat(ends)},${'['.repeat(ends)}`)
  const size = countElements(shape)
  // An inner list ends, and the next one starts, at the multiples of its length.
  const innerLengths = shape.slice(1).map((_, axis) => countElements(shape.slice(axis + 1)))
  return i => {
    if (i === 0) return first
    if (i === size) return last
    let ends = 0
    for (const length of innerLengths) if (i % length === 0) ends++
    return between[ends]!
  }
}
