import { elements } from '../shape.ts'

/**
 * What stands around the numbers of an image with this shape, as nested JSON lists: before each of them, and after the last.
 * A comma is before the first one, too.
 */
export function separatorsOf (shape: readonly number[]): string[] {
  // Elements of each inner list: a list ends, and the next one starts, at the multiples of its length.
  const inner = shape.slice(1).map((_, axis) => elements(shape.slice(axis + 1)))
  const size = elements(shape)
  const between = Array.from({ length: size }, (_, i) => {
    const ends = inner.filter(length => i % length === 0).length
    return i === 0 ? `,${'['.repeat(shape.length)}` : `${']'.repeat(ends)},${'['.repeat(ends)}`
  })
  return [...between, ']'.repeat(shape.length)]
}
