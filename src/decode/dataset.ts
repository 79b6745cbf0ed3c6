import type { FileRole, RawDataset, Samples } from '../dataset.ts'
import { ServiceError } from '../errors.ts'
import type { IdxArray } from './idx.ts'

/**
 * Puts the four files of a dataset together; images stay views of the files' bytes.
 *
 * @param classes number of classes; every label must be below it
 * @throws ServiceError invalid_file: counts or picture sizes that disagree, a label out of range
 */
export function assemble (files: Readonly<Record<FileRole, IdxArray>>, classes: number): RawDataset {
  const train = samples('training', files.trainImages, files.trainLabels, classes)
  const test = samples('test', files.testImages, files.testLabels, classes)
  const [, rows, columns] = files.trainImages.dimensions
  const [, testRows, testColumns] = files.testImages.dimensions
  if (rows !== testRows || columns !== testColumns) {
    throw new ServiceError('invalid_file', `training images are ${rows}×${columns}, test images ${testRows}×${testColumns}`)
  }
  return { rows: rows!, columns: columns!, train, test }
}

function samples (what: string, images: IdxArray, labels: IdxArray, classes: number): Samples {
  if (images.dimensions.length !== 3 || labels.dimensions.length !== 1) {
    throw new ServiceError('invalid_file', `${what} images have ${images.dimensions.length} dimensions and labels ${labels.dimensions.length}, expected 3 and 1`)
  }
  const [count] = images.dimensions
  if (count !== labels.dimensions[0]) {
    throw new ServiceError('invalid_file', `there are ${count} ${what} images but ${labels.dimensions[0]} labels`)
  }
  const stray = labels.data.find(label => label >= classes)
  if (stray !== undefined) throw new ServiceError('invalid_file', `${what} labels have a ${stray}, allowed are 0 to ${classes - 1}`)
  return { count: count!, images: images.data, labels: labels.data }
}
