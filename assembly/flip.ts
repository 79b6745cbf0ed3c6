import { columns, rows } from './layout'

/** Reverses the columns of a plane, in place. */
export function flip (plane: usize): void {
  for (let row = 0; row < rows; row++) {
    let left = plane + row * columns
    let right = left + columns - 1
    for (; left < right; left++, right--) {
      const level = load<u8>(left)
      store<u8>(left, load<u8>(right))
      store<u8>(right, level)
    }
  }
}
