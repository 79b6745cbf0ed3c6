import type { Adjustments, FileRole } from '../dataset/entry.ts'
import { findShapeFault, isSameShape, planeSize, type ImageShape, type PlaneSize } from '../dataset/image-shape.ts'
import type { RawDataset, Samples } from '../dataset/sample-splits.ts'
import { ServiceError } from '../errors.ts'
import { inTimeSlices } from '../scheduling/event-loop.ts'
import type { IdxArray } from './idx.ts'

interface ShapedSamples {
  readonly shape: ImageShape
  readonly samples: Samples
}

/**
 * Combines the four files of a dataset. Images remain views of the files' bytes, unless they have to be transposed,
 * which yields to the event loop between time slices.
 *
 * @param classes number of classes
 * @throws ServiceError invalid_file: counts or image sizes that disagree, no training images, images without pixels or
 * with absurdly many, or a label out of range
 */
export async function assembleDataset (
  files: Readonly<Record<FileRole, IdxArray>>,
  classes: number,
  adjustments: Adjustments = {}
): Promise<RawDataset> {
  const train = await combineSamples('training', files.trainImages, files.trainLabels, classes, adjustments)
  const test = await combineSamples('test', files.testImages, files.testLabels, classes, adjustments)
  if (!isSameShape(train.shape, test.shape)) {
    const { shape: { rows, columns } } = train
    throw invalid(`training images are ${rows}×${columns}, test images ${test.shape.rows}×${test.shape.columns}`)
  }
  if (train.samples.count === 0) throw invalid('there are no training images')
  return { shape: train.shape, train: train.samples, test: test.samples }
}

/** @param part name of the files for error messages */
async function combineSamples (
  part: string,
  images: IdxArray,
  labels: IdxArray,
  classes: number,
  { transposed, labelColumn, firstLabel = 0 }: Adjustments
): Promise<ShapedSamples> {
  const [imageRank, labelRank] = [images.dimensions.length, labels.dimensions.length]
  const expectedRank = labelColumn === undefined ? 1 : 2
  if (imageRank !== 3 || labelRank !== expectedRank || !(images.data instanceof Uint8Array)) {
    throw invalid(`${part} images have ${imageRank} dimensions and labels ${labelRank}, expected 3 and ${expectedRank}`)
  }
  const [count, rows, columns] = images.dimensions as [number, number, number]
  const [labelCount, labelWidth = 1] = labels.dimensions
  const shape: ImageShape = transposed ? { channels: 1, rows: columns, columns: rows } : { channels: 1, rows, columns }
  const fault = findShapeFault(shape)
  if (fault) throw invalid(`${part} images have ${fault}`)
  if (count !== labelCount) throw invalid(`there are ${count} ${part} images but ${labelCount} labels`)

  const lastLabel = firstLabel + classes - 1
  const classIndexes = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    const label = labels.data[i * labelWidth + (labelColumn ?? 0)]!
    if (label < firstLabel || label > lastLabel) {
      throw invalid(`${part} labels have a ${label}, allowed are ${firstLabel} to ${lastLabel}`)
    }
    classIndexes[i] = label - firstLabel
  }
  const upright = transposed ? await transposeImages(images.data, { rows, columns }) : images.data
  return { shape, samples: { count, images: upright, labels: classIndexes } }
}

/** Pixels transposed at a time: a fraction of a millisecond of work. */
const STEP_PIXELS = 1 << 16

/** Swaps rows and columns of each image, of which `stored` is the size before. */
async function transposeImages (images: Uint8Array, stored: PlaneSize): Promise<Uint8Array> {
  const { rows, columns } = stored
  const size = planeSize(stored)
  const transposed = new Uint8Array(images.length)
  await inTimeSlices(images.length / columns, Math.ceil(STEP_PIXELS / columns), (from, to) => {
    for (let i = from; i < to; i++) {
      const row = i % rows
      const target = (i - row) / rows * size + row
      for (let column = 0; column < columns; column++) {
        transposed[target + column * rows] = images[i * columns + column]!
      }
    }
  })
  return transposed
}

function invalid (reason: string): ServiceError {
  return new ServiceError('invalid_file', reason)
}
