/** The ids of docs/reproducibility.md, which clients must deliver. */

function mix (h) {
  h = Math.imul(h ^ (h >>> 16), 0x85EBCA6B)
  h = Math.imul(h ^ (h >>> 13), 0xC2B2AE35)
  return (h ^ (h >>> 16)) >>> 0
}

/** All samples of an epoch; in natural order without a seed. */
export function order (count, seed, epoch) {
  const ids = Array.from({ length: count }, (_, i) => i)
  if (seed === undefined) return ids
  const a = mix(seed)
  const b = mix(a ^ mix((epoch + 0x9E3779B9) | 0))
  const keys = ids.map(i => mix((mix(i ^ a) + b) | 0))
  return ids.sort((i, j) => keys[i] - keys[j])
}

/**
 * The batches of a rank, from an offset of the epoch on, with `remainder: 'keep'` or `'drop'`.
 *
 * @returns ids of each batch
 */
export function batchesOf (ids, { batchSize, rank = 0, worldSize = 1, remainder = 'keep', offset = 0 }) {
  const batches = []
  for (let start = offset; start < ids.length; start += batchSize * worldSize) {
    if (remainder === 'drop' && start + batchSize * worldSize > ids.length) break
    const from = start + rank * batchSize
    const batch = ids.slice(from, from + batchSize)
    if (batch.length > 0) batches.push(batch)
  }
  return batches
}
