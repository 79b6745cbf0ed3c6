import type { Adjustments, FileRole, RawDataset, Samples } from '../dataset/entry.ts'
import { ServiceError } from '../errors.ts'
import type { IdxArray } from './idx.ts'

/**
 * Puts the four files of a dataset together; images stay views of the files' bytes, unless they are turned upright.
 *
 * @param classes number of classes; every label must be below it
 * @throws ServiceError invalid_file: counts or picture sizes that disagree, a label out of range
 */
export function assemble (files: Readonly<Record<FileRole, IdxArray>>, classes: number, adjustments: Adjustments = {}): RawDataset {
  const train = samples('training', files.trainImages, files.trainLabels, classes, adjustments)
  const test = samples('test', files.testImages, files.testLabels, classes, adjustments)
  if (train.rows !== test.rows || train.columns !== test.columns) {
    throw new ServiceError('invalid_file', `training images are ${train.rows}×${train.columns}, test images ${test.rows}×${test.columns}`)
  }
  return { rows: train.rows, columns: train.columns, train: train.samples, test: test.samples }
}

function samples (what: string, images: IdxArray, labels: IdxArray, classes: number, { transposed, labelColumn, firstLabel = 0 }: Adjustments): { rows: number, columns: number, samples: Samples } {
  const labelRank = labelColumn === undefined ? 1 : 2
  if (images.dimensions.length !== 3 || labels.dimensions.length !== labelRank || !(images.data instanceof Uint8Array)) {
    throw new ServiceError('invalid_file', `${what} images have ${images.dimensions.length} dimensions and labels ${labels.dimensions.length}, expected 3 and ${labelRank}`)
  }
  const [count, rows, columns] = images.dimensions as [number, number, number]
  const [labelCount, width = 1] = labels.dimensions
  if (count !== labelCount) {
    throw new ServiceError('invalid_file', `there are ${count} ${what} images but ${labelCount} labels`)
  }
  const wanted = Array.from({ length: count }, (_, i) => labels.data[i * width + (labelColumn ?? 0)]!)
  const stray = wanted.find(label => label < firstLabel || label >= firstLabel + classes)
  if (stray !== undefined) throw new ServiceError('invalid_file', `${what} labels have a ${stray}, allowed are ${firstLabel} to ${firstLabel + classes - 1}`)
  const upright = transposed ? { rows: columns, columns: rows, images: transpose(images.data, rows, columns) } : { rows, columns, images: images.data }
  return {
    rows: upright.rows,
    columns: upright.columns,
    samples: { count, images: upright.images, labels: Uint8Array.from(wanted, label => label - firstLabel) }
  }
}

/** Images that were stored column by column, row by row. */
function transpose (images: Uint8Array, rows: number, columns: number): Uint8Array {
  const size = rows * columns
  const turned = new Uint8Array(images.length)
  for (let start = 0; start < images.length; start += size) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) turned[start + column * rows + row] = images[start + row * columns + column]!
    }
  }
  return turned
}
