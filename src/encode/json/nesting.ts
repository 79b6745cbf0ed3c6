import { countElements } from '../../batch/tensor.ts'

/**
 * The text around the numbers of an array that is written as nested lists, with a comma before the array: the function
 * returns the text before element `i`, and for the number of elements the text after the last one.
 */
export function separators (shape: readonly number[]): (i: number) => string {
  const size = countElements(shape)
  if (size === 0) return () => `,${nest(shape)}`
  const first = `,${'['.repeat(shape.length)}`
  const last = ']'.repeat(shape.length)
  const between = shape.map((_, ends) => `${']'.repeat(ends)},${'['.repeat(ends)}`)
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

/** Nested lists without elements, such as `[[],[]]` for the shape [2, 0]. */
function nest ([length, ...inner]: readonly number[]): string {
  return `[${Array.from({ length: length! }, () => nest(inner)).join()}]`
}
