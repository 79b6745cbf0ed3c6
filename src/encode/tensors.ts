import type { Batch, Tensor } from '../dataset.ts'

/** The tensors of a batch by name, in the order in which binary formats carry them. */
export function tensorsOf ({ images, labels, ids, mask }: Batch): Array<[name: string, tensor: Tensor]> {
  return Object.entries({ images, labels, ids, ...(mask && { mask }) })
}
