import type { Remainder } from './options.js'

export interface ShardOptions {
  readonly batchSize: number
  readonly rank: number
  readonly worldSize: number
  readonly remainder: Remainder
  readonly unevenRanks?: boolean | undefined
}

/** The batches of one rank in an epoch, or in the rest of one. */
export class Shard {
  /** Pages of which any rank has samples. */
  readonly pages: number
  /** Batches of this rank. */
  readonly batches: number
  readonly #offset: number
  readonly #pageSize: number

  /**
   * @param total samples of the split
   * @param offset samples that were delivered already
   */
  constructor (total: number, offset: number, options: ShardOptions) {
    const { batchSize, rank, worldSize, remainder } = options
    this.#offset = offset
    this.#pageSize = batchSize * worldSize
    const left = total - offset
    this.pages = countPages(left, this.#pageSize, remainder)
    // With `keep`, the last page may have no samples for this rank.
    this.batches = remainder === 'keep' ? countPages(left - rank * batchSize, this.#pageSize, remainder) : this.pages
  }

  /** Offset of the epoch after this number of batches of this rank. */
  offsetAfter (batches: number): number {
    return this.#offset + batches * this.#pageSize
  }
}

/**
 * @param name of the split
 * @throws RangeError if an epoch would have no batch, or ranks different numbers of them
 */
export function assertShards (name: string, total: number, offset: number, options: ShardOptions): void {
  const { batchSize, worldSize, remainder, unevenRanks } = options
  if (remainder === 'drop' && total > 0 && total < batchSize * worldSize) {
    const size = worldSize > 1 ? `${worldSize} batches of ${batchSize}` : `a batch of ${batchSize}`
    throw new RangeError(`remainder 'drop' leaves nothing: ${name} has ${total} samples, too few for ${size}`)
  }
  if (remainder !== 'keep' || worldSize === 1 || unevenRanks) return
  for (const start of new Set([offset, 0])) {
    const [most, fewest] = [0, worldSize - 1].map(rank => new Shard(total, start, { ...options, rank }).batches)
    if (most === fewest) continue
    throw new RangeError(
      `remainder 'keep' gives rank 0 ${most} batches and rank ${worldSize - 1} ${fewest}, so ranks that synchronize ` +
      "would wait for ever: pass remainder: 'drop' or 'pad', or unevenRanks: true if the ranks are independent"
    )
  }
}

function countPages (samples: number, pageSize: number, remainder: Remainder): number {
  const pages = samples / pageSize
  return Math.max(0, remainder === 'drop' ? Math.floor(pages) : Math.ceil(pages))
}
