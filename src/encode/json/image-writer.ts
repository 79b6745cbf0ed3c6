import type { Batch } from '../../batch/batch.ts'
import type { PixelValues } from '../../batch/tensor.ts'
import type { Chunk } from '../../memory/chunk.ts'
import { writeArrays } from './array-writer.ts'
import { numberWriter } from './numbers.ts'

/** Writes the images of batches as nested JSON lists. */
export interface ImageWriter {
  /** The images with commas between them, as chunks of text. */
  write (batch: Batch): Iterable<Chunk>
}

/** Writes images of any shape, number by number. */
export const plainImageWriter: ImageWriter = {
  write (batch) {
    const { shape, dtype } = batch.images
    return writeArrays(imagesOf(batch), shape.slice(1), numberWriter(dtype))
  }
}

function * imagesOf (batch: Batch): Generator<PixelValues> {
  const count = batch.images.shape[0]!
  for (let image = 0; image < count; image++) yield batch.slice(image, image + 1).images.data()
}
