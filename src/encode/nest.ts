/** Cuts a flat list into nested lists whose inner shape is `shape`; an empty shape leaves it flat. */
export function nest (flat: readonly unknown[], shape: readonly number[]): unknown[] {
  return shape.reduceRight<readonly unknown[]>((rows, length) => {
    return Array.from({ length: rows.length / length }, (_, i) => rows.slice(i * length, (i + 1) * length))
  }, flat) as unknown[]
}
