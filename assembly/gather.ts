/** Copies rows within a shared memory that is imported. */

/**
 * @param ids address of u32 of `count`: the numbers of the rows
 * @param rows address of all rows, back to back
 * @param target address of room for `count` rows
 * @param length bytes of a row
 */
export function gather (ids: usize, count: i32, rows: usize, target: usize, length: usize): void {
  for (let i = 0; i < count; i++) {
    memory.copy(target, rows + load<u32>(ids) * length, length)
    ids += 4
    target += length
  }
}
