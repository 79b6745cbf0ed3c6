import { isInterleaved, planeSize, type ImageShape } from '../dataset/image-shape.ts'
import type { Layout } from './options.ts'

/** The shape of images after padding to a square of side `pad`; undefined leaves them as they are. */
export function paddedShape (shape: ImageShape, pad: number | undefined): ImageShape {
  return pad === undefined ? shape : { ...shape, rows: pad, columns: pad }
}

/** What becomes of the values of a stored image before they are normalized. */
export interface Placement {
  /** The shape after padding. */
  readonly padded: ImageShape
  /** Whether the channels of a pixel are side by side, and not planes. */
  readonly interleaved: boolean
  /** Whether anything differs from the stored image. */
  readonly isChange: boolean
}

export interface PlacementOptions {
  /** Side of the square that images are padded to. */
  readonly pad?: number | undefined
  readonly layout: Layout
}

export function placementOf (shape: ImageShape, { pad, layout }: PlacementOptions): Placement {
  const interleaved = isInterleaved(shape, layout)
  return { padded: paddedShape(shape, pad), interleaved, isChange: pad !== undefined || interleaved }
}

/**
 * Copies an image into the middle of a larger one of zeros. An odd row or column of the border goes to the end.
 *
 * @param from offset of the image in `source`, where it is planes
 * @param to offset of the result in `target`
 */
export function placeImage<Pixels extends Uint8Array | Float32Array> (
  source: Pixels,
  from: number,
  shape: ImageShape,
  target: Pixels,
  to: number,
  { padded, interleaved }: Pick<Placement, 'padded' | 'interleaved'>
): void {
  const { channels, rows, columns } = shape
  const top = (padded.rows - rows) >> 1
  const left = (padded.columns - columns) >> 1
  const [step, planeStep] = interleaved ? [channels, 1] : [1, planeSize(padded)]
  let next = from
  for (let channel = 0; channel < channels; channel++) {
    const plane = to + channel * planeStep
    for (let row = 0; row < rows; row++) {
      let at = plane + ((top + row) * padded.columns + left) * step
      // Rows are too short for `set` to be faster.
      for (let column = 0; column < columns; column++, at += step) target[at] = source[next++]!
    }
  }
}
