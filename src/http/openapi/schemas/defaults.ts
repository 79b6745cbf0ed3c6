/** What a request gets that does not say. */
export const defaults = {
  page: 0, epoch: 0, rank: 0, world_size: 1, remainder: 'keep', normalization: 'centered', labels: 'onehot', layout: 'flat'
} as const

export function defaultBatchSize (maxBatchSize: number): number {
  return Math.min(128, maxBatchSize)
}
