/** An image: C planes of rows·columns values, one after the other, each of which is what a gray image is. */
export interface ImageShape extends PlaneSize {
  /** 1 for gray, 3 for red, green and blue. */
  readonly channels: 1 | 3
}

export interface PlaneSize {
  readonly rows: number
  readonly columns: number
}

/** Values of an image, at most: those of 4096×4096 in gray. Statistics and tables take memory for each. */
const MAX_VALUES = 1 << 24

export function planeSize ({ rows, columns }: PlaneSize): number {
  return rows * columns
}

/** Values of an image, one for each pixel of each plane. */
export function valueCount (shape: ImageShape): number {
  return shape.channels * planeSize(shape)
}

/** The dimensions of one image in a tensor. */
export function tensorShape (shape: ImageShape, layout: 'flat' | 'nhwc' | 'nchw'): number[] {
  const { channels, rows, columns } = shape
  switch (layout) {
    case 'flat': return [valueCount(shape)]
    case 'nhwc': return [rows, columns, channels]
    case 'nchw': return [channels, rows, columns]
  }
}

/** Whether a layout has the channels of a pixel side by side, which differs from the order of planes. */
export function isInterleaved ({ channels }: ImageShape, layout: 'flat' | 'nhwc' | 'nchw'): boolean {
  return channels > 1 && layout === 'nhwc'
}

/** The dimensions of an image as documents describe it: gray ones have no channels. */
export function publicShape ({ channels, rows, columns }: ImageShape): number[] {
  return channels === 1 ? [rows, columns] : [channels, rows, columns]
}

export function isSameShape (a: ImageShape, b: ImageShape): boolean {
  return a.channels === b.channels && a.rows === b.rows && a.columns === b.columns
}

/** Describes a shape that no dataset may have, as the end of an error; undefined for a valid shape. */
export function findShapeFault (shape: ImageShape): string | undefined {
  const { channels, rows, columns } = shape
  const isPositive = Number.isInteger(rows) && Number.isInteger(columns) && rows > 0 && columns > 0
  if (isPositive && valueCount(shape) <= MAX_VALUES) return undefined
  return `${rows}×${columns} pixels${channels > 1 ? ` in ${channels} channels` : ''}, allowed are 1 to ${MAX_VALUES}`
}
