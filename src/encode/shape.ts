/** How many elements an array of this shape has. */
export function elements (shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1)
}
